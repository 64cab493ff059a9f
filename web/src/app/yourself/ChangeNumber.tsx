/** Moves the account to another number: a code goes to the new one. */
import { useState } from "react";
import type { AccountView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { CodeField } from "../../ui/fields/CodeField";
import { CountryPicker } from "../../ui/fields/CountryPicker";
import { TextField } from "../../ui/fields/TextField";
import { Across, FormLayout } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";
import { readersRegion } from "../../ui/words/format";
import { useCore } from "../state/context";
import { codeOf, outcome } from "../state/face";

const ACTS = ["register", "code", "number"];

export function NumberPage({ account }: { account: AccountView }) {
  const { words } = useSpeech();
  const core = useCore();
  const [country, setCountry] = useState(readersRegion);
  const [number, setNumber] = useState("");
  const [sentTo, setSentTo] = useState<string | null>(null);
  const [code, setCode] = useState("");
  const [tried, setTried] = useState(false);
  const [waits, setWaits] = useState(false);
  const [moved, setMoved] = useState(false);
  const [error, setError] = useState<string>();
  const doing = async (work: () => Promise<void>): Promise<void> => {
    setWaits(true);
    setError(undefined);
    try {
      await work();
    } catch (refused) {
      setError(words.told.failure(codeOf(refused)));
    }
    setWaits(false);
  };
  const order = (): Promise<void> => doing(async () => {
    setSentTo(await outcome(core, { start_registration: { number, country } }, ACTS, (event) => (event.event === "code_sent" ? event.number : undefined)));
  });
  const move = (): Promise<void> => doing(async () => {
    await outcome(core, { change_number: { code } }, ACTS, (event) => (event.event === "saved" && event.what === "number" ? true : undefined));
    setMoved(true);
    setSentTo(null);
    setCode("");
    setNumber("");
    setTried(false);
  });
  return (
    <>
      {moved && <Banner kind="good">{words.self.numberMoved}</Banner>}
      {error !== undefined && <Banner kind="bad">{error}</Banner>}
      <p>{account.number === "" ? words.home.numberLost : words.self.numberIs(account.number)}</p>
      <p>{words.self.numberAbout}</p>
      {sentTo === null ? (
        <FormLayout label={words.self.changeNumber} onSubmit={() => {
          setTried(true);
          if (number.trim() !== "") void order();
        }} acts={<Button kind="lead" submits waits={waits}>{words.start.orderCode}</Button>}>
          <CountryPicker value={country} onChange={setCountry} />
          <TextField label={words.self.newNumber} type="tel" value={number} onChange={setNumber} error={tried && number.trim() === "" ? words.start.numberEmpty : undefined} />
        </FormLayout>
      ) : (
        <FormLayout
          label={words.start.code}
          onSubmit={() => { if (code.length === 6) void move(); }}
          acts={<><Button kind="plain" onClick={() => { setSentTo(null); }}>{words.back}</Button><Button kind="lead" submits waits={waits} disabled={code.length < 6}>{words.self.changeNumber}</Button></>}
        >
          <Across><CodeField label={words.start.codeAbout(sentTo)} value={code} onChange={setCode} /></Across>
        </FormLayout>
      )}
    </>
  );
}
