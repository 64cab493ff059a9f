/** A conversation in the list: who, what was said last and when, and what waits there. */
import { AtSign, Ban, BellOff, Pin } from "lucide-react";
import { Badge } from "../feedback/Badge";
import { classes } from "../basics/classes";
import { Icon, type Picture, type Progress, Ticks } from "../basics/Icon";
import { Avatar } from "../people/Avatar";
import { useSpeech } from "../words/context";
import styles from "./conversationRow.module.css";
import { RichText } from "./RichText";
import { Apart } from "../text/Apart";
import { progressWord } from "./Bubble";

/** What a file is: in a word where the text does not say it. */
export interface PreviewIcon {
  readonly of: Picture;
  readonly label: string | null;
}

/** The line under the name. */
export type Preview =
  | { readonly kind: "text"; readonly text: string; readonly author?: string; readonly progress?: Progress; readonly icon?: PreviewIcon }
  /** It was taken back. */
  | { readonly kind: "deleted"; readonly text: string }
  | { readonly kind: "draft"; readonly text: string }
  /** Who types; nobody named in a conversation of two. */
  | { readonly kind: "typing"; readonly names: readonly string[] };

export interface ConversationRowProps {
  /** Gives the colour. */
  readonly id: string;
  readonly name: string;
  readonly picture?: string;
  readonly group?: boolean;
  readonly online?: boolean;
  readonly preview: Preview;
  /** Of the last message: milliseconds since 1970. */
  readonly timeMs: number;
  readonly nowMs: number;
  /** Messages; -1 where it was marked as unread. */
  readonly unread?: number;
  readonly mentioned?: boolean;
  readonly muted?: boolean;
  readonly pinned?: boolean;
  readonly selected?: boolean;
  readonly onOpen: () => void;
}

export function ConversationRow(props: ConversationRowProps) {
  const { id, name, picture, group, online, preview, timeMs, nowMs, unread = 0, mentioned, muted, pinned, selected, onOpen } = props;
  const { words, format } = useSpeech();
  return (
    <button
      type="button"
      aria-current={selected === true ? "true" : undefined}
      className={classes(styles.row, selected && styles.selected, unread !== 0 && styles.unread)}
      onClick={onOpen}
    >
      <Avatar id={id} name={name} picture={picture} group={group} online={online} size={3.125} />
      <span className={styles.main}>
        <span className={styles.line}>
          <Apart className={styles.name} text={name} />
          {muted === true && <Sign of={BellOff} label={words.muted} />}
          <time className={styles.time} dateTime={new Date(timeMs).toISOString()}>{format.when(timeMs, nowMs)}</time>
        </span>
        <span className={styles.line}>
          <PreviewLine preview={preview} />
          {pinned === true && <Sign of={Pin} label={words.pinned} />}
          {mentioned === true && <span className={styles.mention}><Sign of={AtSign} label={words.mentioned} /></span>}
          {unread > 0 && (
            <Badge kind={muted === true ? "quiet" : "lead"} label={words.unread(unread)}>
              {unread > 999 ? `${format.number(999)}+` : format.number(unread)}
            </Badge>
          )}
          {unread < 0 && <span role="img" aria-label={words.unreadMark} className={classes(styles.dot, muted && styles.dotQuiet)} />}
        </span>
      </span>
    </button>
  );
}

function Sign({ of, label }: { of: typeof Pin; label: string }) {
  return <span role="img" aria-label={label} className={styles.sign}><Icon of={of} size={1} /></span>;
}

function PreviewLine({ preview }: { preview: Preview }) {
  const { words } = useSpeech();
  switch (preview.kind) {
    case "typing":
      return <span className={classes(styles.preview, styles.typing)}>{words.typing(preview.names)}</span>;
    case "draft":
      return (
        <span className={styles.preview}>
          <span className={styles.draft}>{words.draft}: </span>
          <bdi>{preview.text}</bdi>
        </span>
      );
    case "deleted":
      return (
        <span className={classes(styles.preview, styles.taken)}>
          <span className={styles.what}><Icon of={Ban} size={0.95} /></span>
          {preview.text}
        </span>
      );
    case "text":
      return (
        <>
          {preview.progress !== undefined && <Ticks progress={preview.progress} label={progressWord(preview.progress, words)} />}
          <span className={styles.preview}>
            {preview.author !== undefined && <><bdi className={styles.author}>{preview.author}</bdi>: </>}
            {preview.icon !== undefined && <span className={styles.what}><Icon of={preview.icon.of} size={0.95} />{preview.icon.label !== null && <span className="sr-only">{preview.icon.label}: </span>}</span>}
            <bdi><RichText text={preview.text} plain /></bdi>
          </span>
        </>
      );
  }
}
