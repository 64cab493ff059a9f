/** While the core starts, where it could not, and when this device has no account any more. */
import { useEffect } from "react";
import { Button } from "../../ui/basics/Button";
import { Broken, NoConversations } from "../../ui/feedback/Drawings";
import { EmptyState, ErrorState, ProgressBar } from "../../ui/feedback/Feedback";
import { useSpeech } from "../../ui/words/context";
import { useUpdates } from "../state/context";
import styles from "./start.module.css";

export function Loading() {
  const { words } = useSpeech();
  return (
    <main className={styles.page}>
      <div className={styles.loading}>
        <img className={styles.mark} src="/mark.svg" alt="" />
        <h1 className="sr-only">{words.start.opening}</h1>
        <ProgressBar label={words.start.opening} share={null} />
      </div>
    </main>
  );
}

export function Failed({ code }: { code: string }) {
  const { words } = useSpeech();
  const updates = useUpdates();
  // Of some failures the next version is the way out: the reload below brings it, once it is here.
  useEffect(() => { updates.look(); }, [updates]);
  const { title, text } = words.told.start(code);
  return (
    <main className={styles.page}>
      <div className={styles.state}>
        <ErrorState whole drawing={<Broken />} title={title} onRetry={updates.reload}>{text}</ErrorState>
      </div>
    </main>
  );
}

export function Ended({ reason, onAgain }: { reason: string; onAgain: () => void }) {
  const { words } = useSpeech();
  const { title, text } = words.told.ended(reason);
  return (
    <main className={styles.page}>
      <div className={styles.state}>
        <EmptyState whole drawing={<NoConversations />} title={title} acts={<Button kind="lead" onClick={onAgain}>{words.start.startAgain}</Button>}>{text}</EmptyState>
      </div>
    </main>
  );
}
