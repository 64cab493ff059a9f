/** Whether one may say something in a conversation, why not, and what could be done about it. */
import type { ContactView, ConversationView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { useSpeech } from "../../ui/words/context";
import type { Words } from "../../ui/words/en";
import { useAct } from "../state/context";
import { go } from "../state/route";
import styles from "./conversation.module.css";

/** Why one can not write here; null where one can. */
export function closedWord(view: ConversationView, words: Words): string | null {
  if (view.blocked) return words.talk.closed.blocked;
  if (view.state === "left") return words.talk.closed.left;
  if (view.state === "known") return words.talk.closed.known;
  if (view.state === "refused") return words.talk.closed.refused;
  if (view.group?.leaving === true) return words.talk.closed.leaving;
  if (view.group !== undefined && view.group.permissions.only_admins_speak && !view.group.admin) return words.talk.closed.admins;
  return null;
}

export function speaksIn(view: ConversationView): boolean {
  return !view.blocked && takesBackIn(view);
}

/** Whether one may take back what one said: also where one says nothing more to who is blocked. */
export function takesBackIn(view: ConversationView): boolean {
  return !["left", "known", "refused"].includes(view.state) && view.group?.leaving !== true
    && (view.group === undefined || !view.group.permissions.only_admins_speak || view.group.admin);
}

/** What one should know before one writes. */
export function AboveWriting({ view, contact }: { view: ConversationView; contact: ContactView | undefined }) {
  const { words } = useSpeech();
  const peer = view.peer;
  if (peer !== null && contact?.number_moved === true) {
    return <div className={styles.above}><Banner kind="caution" acts={<Button size="small" kind="plain" onClick={() => { go({ at: "safety", address: peer }); }}>{words.people.compare}</Button>}>{words.talk.numberMoved}</Banner></div>;
  }
  if (view.state === "asking") return <div className={styles.above}><Banner kind="information">{words.talk.asking}</Banner></div>;
  if (view.group?.details_arriving === true) return <div className={styles.above}><Banner kind="information">{words.group.arriving}</Banner></div>;
  return null;
}

/** Where one wrote, of somebody who is blocked: the way back. */
export function Unblock({ address }: { address: string }) {
  const { words } = useSpeech();
  const act = useAct();
  return (
    <div className={styles.below}>
      <Banner kind="information" acts={<Button size="small" kind="plain" onClick={() => { void act({ block: { address, blocked: false } }); }}>{words.people.unblock}</Button>}>{words.talk.closed.blocked}</Banner>
    </div>
  );
}
