/** What stands between messages: dates, where the unread begins, notices, who types. */
import { ArrowDown } from "lucide-react";
import type { ReactNode } from "react";
import { Badge } from "../feedback/Badge";
import { classes } from "../basics/classes";
import { Icon, type Picture } from "../basics/Icon";
import { Avatar } from "../people/Avatar";
import type { Person } from "../people/People";
import { useSpeech } from "../words/context";
import styles from "./between.module.css";

export function DateDivider({ timeMs, nowMs }: { timeMs: number; nowMs: number }) {
  const { format } = useSpeech();
  return <h3 className={styles.date}>{format.day(timeMs, nowMs)}</h3>;
}

export function UnreadDivider({ count }: { count: number }) {
  const { words } = useSpeech();
  return <h3 className={styles.unread}><span>{words.unreadBelow(count)}</span></h3>;
}

/** Something happened here that nobody said. `weighty` where one should look: a key changed. */
export function Notice({ icon, weighty = false, acts, children }: { icon?: Picture; weighty?: boolean; acts?: ReactNode; children: ReactNode }) {
  return (
    <div className={classes(styles.notice, weighty && styles.weighty)}>
      {icon !== undefined && <Icon of={icon} size={1} />}
      <span>{children}</span>
      {acts}
    </div>
  );
}

export function TypingBubble({ people }: { people: readonly Person[] }) {
  const { words } = useSpeech();
  return (
    <div role="status" className={styles.typing}>
      {people.slice(0, 3).map((person) => <Avatar key={person.id} {...person} size={2} />)}
      <span className="sr-only">{words.typing(people.map((person) => person.name))}</span>
      <span aria-hidden className={styles.dots}><i /><i /><i /></span>
    </div>
  );
}

/** Back down, with how much is new there. */
export function ToNewest({ unread, onPress }: { unread: number; onPress: () => void }) {
  const { words, format } = useSpeech();
  return (
    <button type="button" className={styles.toNewest} aria-label={unread > 0 ? `${words.toNewest}, ${words.unreadBelow(unread)}` : words.toNewest} onClick={onPress}>
      <Icon of={ArrowDown} />
      {unread > 0 && <span aria-hidden className={styles.count}><Badge>{format.number(unread)}</Badge></span>}
    </button>
  );
}
