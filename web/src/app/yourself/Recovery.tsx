/**
 * The twelve words that bring the account back.
 *
 * Always holds: they are shown once, and nowhere kept; the person says that they wrote them down.
 */
import { Copy, KeyRound } from "lucide-react";
import { useState } from "react";
import type { AccountView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { Checkbox } from "../../ui/fields/Choices";
import { useSpeech } from "../../ui/words/context";
import styles from "../people/people.module.css";
import { useCore, useKept } from "../state/context";
import { codeOf, outcome } from "../state/face";
import { back } from "../state/route";
import { useTell } from "../state/toasts";

export function RecoveryPage({ account }: { account: AccountView }) {
  const { words } = useSpeech();
  const core = useCore();
  const kept = useKept();
  const tell = useTell();
  const [phrase, setPhrase] = useState<string | null>(null);
  const [wrote, setWrote] = useState(false);
  const [waits, setWaits] = useState(false);
  const [error, setError] = useState<string>();
  const make = async (): Promise<void> => {
    setWaits(true);
    setError(undefined);
    try {
      setPhrase(await outcome(core, "make_recovery_phrase", ["recovery"], (event) => (event.event === "recovery_phrase" ? event.phrase : undefined)));
    } catch (refused) {
      setError(words.told.failure(codeOf(refused)));
    }
    setWaits(false);
  };
  if (!account.owner) return <Banner kind="information">{words.self.notOwner}</Banner>;
  if (phrase === null) {
    return (
      <>
        <p>{words.self.recoveryAbout}</p>
        <Banner kind="caution">{words.self.recoveryWarning}</Banner>
        {error !== undefined && <Banner kind="bad">{error}</Banner>}
        <div className={styles.acts}><Button kind="lead" icon={KeyRound} waits={waits} onClick={() => { void make(); }}>{words.self.recoveryMake}</Button></div>
      </>
    );
  }
  return (
    <>
      <p role="status">{words.self.recoveryWrite}</p>
      <div className={styles.card}>
        {/* The words are English in every language. */}
        <ol className={styles.phrase} dir="ltr" lang="en">{phrase.split(" ").map((word, n) => <li key={n}>{word}</li>)}</ol>
        <Button kind="plain" size="small" icon={Copy} onClick={() => { void navigator.clipboard.writeText(phrase).then(() => { tell(words.talk.copied); }); }}>{words.copy}</Button>
      </div>
      <Checkbox label={words.self.recoveryWrote} checked={wrote} onChange={setWrote} />
      <div className={styles.acts}>
        <Button kind="lead" disabled={!wrote} onClick={() => {
          kept.set({ recoveryOffered: true });
          setPhrase(null);
          back({ at: "settings" });
        }}>{words.start.done}</Button>
      </div>
    </>
  );
}
