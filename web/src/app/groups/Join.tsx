/** Joins a group by its invitation link: pasted, opened, or read by the camera. */
import { ScanLine } from "lucide-react";
import { useState } from "react";
import { Button } from "../../ui/basics/Button";
import { TextField } from "../../ui/fields/TextField";
import { Across, FormLayout } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";
import { Page } from "../people/Page";
import { Scanner } from "../people/Scanner";
import styles from "../people/people.module.css";
import { useCore } from "../state/context";
import { codeOf } from "../state/face";
import { back, go, routeOf } from "../state/route";
import { useTell } from "../state/toasts";

/** The invitation in what was pasted: the link itself, or this app's address around it. */
export function invitationIn(text: string): string {
  const plain = text.trim();
  const hash = plain.indexOf("#join/");
  const route = hash < 0 ? null : routeOf(plain.slice(hash));
  return route?.at === "join" && route.link !== undefined ? route.link : plain;
}

export function Join({ link = "" }: { link?: string }) {
  const { words } = useSpeech();
  const core = useCore();
  const tell = useTell();
  const [text, setText] = useState(link);
  const [scans, setScans] = useState(false);
  const [error, setError] = useState<string>();
  const [waits, setWaits] = useState(false);
  const join = async (): Promise<void> => {
    const invitation = invitationIn(text);
    if (invitation === "") {
      setError(words.group.joinEmpty);
      return;
    }
    setWaits(true);
    setError(undefined);
    try {
      const events = await core.act({ join_by_invitation: { link: invitation } });
      const joined = events.find((event) => event.event === "conversation_changed");
      if (joined?.event === "conversation_changed") go({ at: "conversation", id: joined.conversation }, true);
      else {
        tell(words.group.joining);
        go({ at: "chats" }, true);
      }
    } catch (refused) {
      setError(words.told.failure(codeOf(refused)));
    }
    setWaits(false);
  };
  return (
    <Page title={words.group.join} onBack={() => { back({ at: "people" }); }}>
      <FormLayout
        label={words.group.join}
        onSubmit={() => { void join(); }}
        acts={(
          <>
            <Button kind="soft" icon={ScanLine} onClick={() => { setScans(!scans); }}>{words.group.scanLink}</Button>
            <Button kind="lead" submits waits={waits}>{words.group.joinNow}</Button>
          </>
        )}
      >
        <Across><TextField label={words.group.joinLabel} help={words.group.joinAbout} value={text} onChange={setText} error={error} /></Across>
      </FormLayout>
      {scans && (
        <div className={styles.card}>
          <Scanner label={words.group.scanLink} onClose={() => { setScans(false); }} onRead={(read) => {
            setText(invitationIn(read));
            setScans(false);
          }} />
        </div>
      )}
    </Page>
  );
}
