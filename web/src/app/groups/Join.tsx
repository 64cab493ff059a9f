/** Takes an invitation link that was pasted, or read by the camera; `Invited.tsx` shows what it is. */
import { ScanLine } from "lucide-react";
import { useState } from "react";
import { Button } from "../../ui/basics/Button";
import { TextField } from "../../ui/fields/TextField";
import { Across, FormLayout } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";
import { Page } from "../people/Page";
import { Scanner } from "../people/Scanner";
import styles from "../people/people.module.css";
import { back, go } from "../state/route";
import { invitationIn, isInvitation } from "./invitation";

export function Join() {
  const { words } = useSpeech();
  const [text, setText] = useState("");
  const [scans, setScans] = useState(false);
  const [error, setError] = useState<string>();
  const open = (given: string): void => {
    const link = invitationIn(given);
    setText(link);
    if (isInvitation(link)) go({ at: "join", link }, true);
    else setError(link === "" ? words.group.joinEmpty : words.told.join("refused"));
  };
  return (
    <Page title={words.group.join} onBack={() => { back({ at: "people" }); }}>
      <FormLayout
        label={words.group.join}
        onSubmit={() => { open(text); }}
        acts={(
          <>
            <Button kind="soft" icon={ScanLine} onClick={() => { setScans(!scans); }}>{words.group.scanLink}</Button>
            <Button kind="lead" submits>{words.group.openLink}</Button>
          </>
        )}
      >
        <Across><TextField label={words.group.joinLabel} help={words.group.joinAbout} value={text} onChange={setText} error={error} /></Across>
      </FormLayout>
      {scans && (
        <div className={styles.card}>
          <Scanner label={words.group.scanLink} onClose={() => { setScans(false); }} onRead={(read) => {
            setScans(false);
            open(read);
          }} />
        </div>
      )}
    </Page>
  );
}
