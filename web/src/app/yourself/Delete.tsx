/** Deletes the account. */
import { useState } from "react";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { Checkbox } from "../../ui/fields/Choices";
import { Dialog } from "../../ui/overlays/Dialog";
import { useSpeech } from "../../ui/words/context";
import styles from "../people/people.module.css";
import { useAct } from "../state/context";

export function DeletePage() {
  const { words } = useSpeech();
  const act = useAct();
  const [sure, setSure] = useState(false);
  const [asks, setAsks] = useState(false);
  return (
    <>
      <Banner kind="bad">{words.self.deleteAbout}</Banner>
      <Checkbox label={words.self.deleteSure} checked={sure} onChange={setSure} />
      <div className={styles.acts}><Button kind="bad" disabled={!sure} onClick={() => { setAsks(true); }}>{words.self.deleteAccount}</Button></div>
      <Dialog
        open={asks}
        alerts
        onClose={() => { setAsks(false); }}
        title={words.self.deleteTitle}
        acts={(
          <>
            <Button kind="plain" onClick={() => { setAsks(false); }}>{words.cancel}</Button>
            <Button kind="bad" onClick={() => {
              setAsks(false);
              void act("delete_account");
            }}>{words.self.deleteAccount}</Button>
          </>
        )}
      >
        <p>{words.self.deleteLast}</p>
      </Dialog>
    </>
  );
}
