/**
 * What somebody wrote: with links, mentions and emoji, and never as markup.
 *
 * Always holds: a suspicious link is marked, and is followed only by whoever handles it.
 */
import { TriangleAlert } from "lucide-react";
import { Icon } from "../basics/Icon";
import { suspicionOf } from "../text/domains";
import { type Mention, piecesOf } from "../text/pieces";
import { useSpeech } from "../words/context";
import styles from "./richText.module.css";

export interface RichTextProps {
  readonly text: string;
  readonly mentions?: readonly Mention[];
  /** One line of a list: nothing in it can be pressed. */
  readonly plain?: boolean;
  readonly onMention?: (id: string) => void;
  /** A suspicious link was pressed: the app asks before it leads there. */
  readonly onSuspicious?: (href: string) => void;
  /** A link was pressed; true where the app itself led there, and no other page is wanted. */
  readonly onLink?: (href: string) => boolean;
}

export function RichText({ text, mentions = [], plain = false, onMention, onSuspicious, onLink }: RichTextProps) {
  const { words } = useSpeech();
  return piecesOf(text, mentions).map((piece, n) => {
    if (piece.kind === "emoji") return <span key={n} className={styles.emoji}>{piece.text}</span>;
    if (plain || piece.kind === "text") return <span key={n}>{piece.text}</span>;
    if (piece.kind === "mention") {
      return (
        <button key={n} type="button" className={styles.mention} onClick={() => onMention?.(piece.id)}>
          <bdi>{piece.text}</bdi>
        </button>
      );
    }
    const suspicious = suspicionOf(piece.href, piece.text) !== null;
    return (
      <a
        key={n}
        dir="ltr"
        className={styles.link}
        href={piece.href}
        target="_blank"
        rel="noopener noreferrer nofollow"
        onClick={(event) => {
          if (suspicious) {
            event.preventDefault();
            onSuspicious?.(piece.href);
            return;
          }
          // With a key held down, somebody wants another tab or window.
          if (!event.ctrlKey && !event.metaKey && !event.shiftKey && onLink?.(piece.href) === true) event.preventDefault();
        }}
      >
        {piece.text}
        {suspicious && <span role="img" aria-label={words.suspiciousLink} title={words.suspiciousLink} className={styles.warning}><Icon of={TriangleAlert} size={0.9} /></span>}
      </a>
    );
  });
}
