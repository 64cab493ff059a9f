/** Lets another device into the account: by its code, read by the camera or typed. */
import { ScanLine } from "lucide-react";
import { useState } from "react";
import type { AccountView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { TextArea } from "../../ui/fields/TextField";
import { Across, FormLayout } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";
import { Scanner } from "../people/Scanner";
import styles from "../people/people.module.css";
import { useCore } from "../state/context";
import { codeOf, outcome } from "../state/face";

const PREFIX = "comity-link:";

/** A link code as it was read by the camera, or as it was typed: there its beginning is not shown. */
export function linkCode(text: string): string {
  const code = text.replace(/\s/gu, "");
  return code === "" || code.toLowerCase().startsWith(PREFIX) ? code : PREFIX + code;
}

export function ApprovePage({ account }: { account: AccountView }) {
  const { words } = useSpeech();
  const core = useCore();
  const [code, setCode] = useState("");
  const [scans, setScans] = useState(false);
  const [waits, setWaits] = useState(false);
  const [linked, setLinked] = useState<string | null>(null);
  const [error, setError] = useState<string>();
  const approve = async (text: string): Promise<void> => {
    const whole = linkCode(text);
    if (whole === "") {
      setError(words.self.codeEmpty);
      return;
    }
    setWaits(true);
    setError(undefined);
    setLinked(null);
    try {
      setLinked(await outcome(core, { approve_link: { code: whole } }, ["approve_link", "link"], (event) => (event.event === "linked" ? event.name : undefined)));
      setCode("");
    } catch (refused) {
      setError(words.told.failure(codeOf(refused)));
    }
    setWaits(false);
  };
  if (!account.owner) return <Banner kind="information">{words.self.notOwner}</Banner>;
  return (
    <>
      {linked !== null && <Banner kind="good">{words.self.linked(linked === "" ? words.self.nameless : linked)}</Banner>}
      <p>{words.self.approveAbout}</p>
      <div className={styles.card}>
        {scans ? (
          <Scanner label={words.self.scan} onClose={() => { setScans(false); }} onRead={(text) => {
            setScans(false);
            setCode(text);
            void approve(text);
          }} />
        ) : <Button kind="lead" icon={ScanLine} onClick={() => { setScans(true); }}>{words.self.scan}</Button>}
      </div>
      <FormLayout label={words.self.approve} onSubmit={() => { void approve(code); }} acts={<Button kind="soft" submits waits={waits}>{words.self.letIn}</Button>}>
        <Across><TextArea label={words.self.code} help={words.self.codeHelp} value={code} onChange={setCode} error={error} /></Across>
      </FormLayout>
      <Banner kind="caution">{words.self.approveWarning}</Banner>
    </>
  );
}
