/** The registration lock: a passphrase that a new device with the number has to know. */
import { useState } from "react";
import { Button } from "../../ui/basics/Button";
import { TextField } from "../../ui/fields/TextField";
import { Across, FormLayout, Section, SettingsRow } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";
import { useAct } from "../state/context";

const LEAST = 8;

export function LockPage() {
  const { words } = useSpeech();
  const act = useAct();
  const [first, setFirst] = useState("");
  const [second, setSecond] = useState("");
  const [tried, setTried] = useState(false);
  const short = first.length < LEAST;
  const differs = first !== second;
  const set = async (): Promise<void> => {
    setTried(true);
    if (short || differs || await act({ set_registration_lock: first }, words.self.lockSet) === null) return;
    setFirst("");
    setSecond("");
    setTried(false);
  };
  return (
    <>
      <p>{words.self.lockAbout}</p>
      <FormLayout label={words.self.lock} onSubmit={() => { void set(); }} acts={<Button kind="lead" submits>{words.self.lockOn}</Button>}>
        <Across><TextField label={words.self.lockPassphrase} type="password" autoComplete="new-password" help={words.self.lockLeast(LEAST)} value={first} onChange={setFirst} error={tried && short ? words.self.lockLeast(LEAST) : undefined} /></Across>
        <Across><TextField label={words.self.lockAgain} type="password" autoComplete="new-password" value={second} onChange={setSecond} error={tried && !short && differs ? words.self.lockDiffers : undefined} /></Across>
      </FormLayout>
      <Section about={words.self.lockForgotten}>
        <SettingsRow label={words.self.lockOff} bad onOpen={() => { void act({ set_registration_lock: null }, words.self.lockGone); }} />
      </Section>
    </>
  );
}
