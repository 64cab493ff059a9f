/**
 * A message.
 *
 * Always holds: a bubble is an article named by who wrote it and when; every state has words for who
 * does not see its looks. Deliberately absent: the list that it stands in.
 */
import { Ban, Forward, RotateCw, Timer, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "../basics/Button";
import { classes } from "../basics/classes";
import { Icon, type Progress, Ticks } from "../basics/Icon";
import { Avatar } from "../people/Avatar";
import { colourOf } from "../people/colour";
import type { Person } from "../people/People";
import { emojiAlone, type Mention } from "../text/pieces";
import { useSpeech } from "../words/context";
import type { Words } from "../words/en";
import styles from "./bubble.module.css";
import { RichText } from "./RichText";

/** How far a message got, in a word. */
export function progressWord(progress: Progress, words: Words): string {
  const table = { sending: words.sending, sent: words.sent, delivered: words.delivered, read: words.read, failed: words.notSent };
  return table[progress];
}

export interface Quoted {
  /** Gives the colour. */
  readonly id: string;
  readonly name: string;
  readonly text: string;
  /** A small picture, where it was one. */
  readonly picture?: string;
  readonly onOpen?: () => void;
}

export interface Reaction {
  readonly emoji: string;
  readonly count: number;
  readonly own: boolean;
}

export interface BubbleProps {
  /** Who wrote it; null for one's own. */
  readonly author: Person | null;
  /** Whether names and pictures are shown: in groups. */
  readonly group?: boolean;
  /** Where it stands among what its author said in one go. */
  readonly place?: "only" | "first" | "middle" | "last";
  readonly timeMs: number;
  readonly text?: string;
  readonly mentions?: readonly Mention[];
  readonly onSuspicious?: (href: string) => void;
  /** A link was pressed; true where the app itself led there. */
  readonly onLink?: (href: string) => boolean;
  readonly onMention?: (id: string) => void;
  readonly attachment?: ReactNode;
  readonly quote?: Quoted;
  readonly reactions?: readonly Reaction[];
  readonly onReact?: (emoji: string) => void;
  readonly progress?: Progress;
  /** How many of a group read it, in words. */
  readonly reach?: string;
  /** Why it was not sent, and what to do: in a sentence. */
  readonly failure?: string;
  readonly onRetry?: () => void;
  /** What trying again is called, where it is something else. */
  readonly retryLabel?: string;
  readonly onDiscard?: () => void;
  readonly edited?: boolean;
  readonly deleted?: boolean;
  readonly forwarded?: boolean;
  /** How long until it vanishes, in words. */
  readonly vanishesIn?: string;
  /** Whether it is picked out: found, or come to from a quote. */
  readonly picked?: boolean;
  readonly menu?: ReactNode;
}

export function Bubble(props: BubbleProps) {
  const { author, group = false, place = "only", timeMs, text, attachment, quote, reactions = [], onReact, progress, deleted = false } = props;
  const { words, format } = useSpeech();
  const time = format.time(timeMs);
  const own = author === null;
  const large = text !== undefined && attachment === undefined && quote === undefined && !deleted ? emojiAlone(text) : 0;
  const leads = place === "only" || place === "first";
  const ends = place === "only" || place === "last";
  return (
    <article
      aria-label={own ? words.ownMessage(time) : words.messageFrom(author.name, time)}
      className={classes(styles.message, own && styles.own, ends && styles.ends, props.picked && styles.picked)}
    >
      {!own && group && <span className={styles.face}>{ends && <Avatar {...author} size={2} />}</span>}
      <div className={classes(styles.column, attachment !== undefined && !deleted && styles.holds)}>
        <div className={styles.withMenu}>
          <div className={classes(styles.bubble, large > 0 && styles.bare, !leads && styles.follows, !ends && styles.goesOn)}>
            {!own && group && leads && large === 0 && (
              <bdi className={styles.name} style={{ color: `var(--person-${String(colourOf(author.id))})` }}>{author.name}</bdi>
            )}
            {props.forwarded === true && <span className={styles.sign}><Icon of={Forward} size={0.9} turns /> {words.forwarded}</span>}
            {quote !== undefined && <Quote {...quote} />}
            {deleted ? (
              <span className={styles.deleted}>
                <Icon of={Ban} size={1} />
                {own ? words.deletedByYou : words.deletedBy(author.name)}
              </span>
            ) : (
              <>
                {attachment !== undefined && <div className={styles.attachment}>{attachment}</div>}
                {text !== undefined && (
                  <p dir="auto" className={classes(styles.text, large > 0 && styles.large)}>
                    <RichText text={text} {...(props.mentions && { mentions: props.mentions })} {...(props.onSuspicious && { onSuspicious: props.onSuspicious })} {...(props.onLink && { onLink: props.onLink })} {...(props.onMention && { onMention: props.onMention })} />
                  </p>
                )}
              </>
            )}
            <span className={styles.foot}>
              {props.vanishesIn !== undefined && (
                <span className={styles.sign}><Icon of={Timer} size={0.9} /><span className="sr-only">{words.vanishesIn(props.vanishesIn)}</span><span aria-hidden>{props.vanishesIn}</span></span>
              )}
              {props.edited === true && <span>{words.edited}</span>}
              <time dateTime={new Date(timeMs).toISOString()}>{time}</time>
              {props.reach !== undefined && <span>{props.reach}</span>}
              {own && progress !== undefined && <Ticks progress={progress} label={progressWord(progress, words)} />}
            </span>
          </div>
          {props.menu !== undefined && <div className={styles.menu}>{props.menu}</div>}
        </div>
        {reactions.length > 0 && <Reactions reactions={reactions} {...(onReact && { onReact })} />}
        {progress === "failed" && (
          <div className={styles.failure}>
            <span>{props.failure ?? words.notSent}</span>
            {props.onRetry !== undefined && <Button kind="plain" size="small" icon={RotateCw} onClick={props.onRetry}>{props.retryLabel ?? words.retry}</Button>}
            {props.onDiscard !== undefined && <Button kind="plain" size="small" icon={Trash2} onClick={props.onDiscard}>{words.remove}</Button>}
          </div>
        )}
      </div>
    </article>
  );
}

function Quote({ id, name, text, picture, onOpen }: Quoted) {
  const { words } = useSpeech();
  const colour = `var(--person-${String(colourOf(id))})`;
  return (
    <button type="button" className={styles.quote} style={{ borderColor: colour }} onClick={onOpen}>
      <span className={styles.quoteMain}>
        <span className="sr-only">{words.answerTo(name)}: </span>
        <bdi aria-hidden className={styles.quoteName}>{name}</bdi>
        <bdi className={styles.quoteText}><RichText text={text} plain /></bdi>
      </span>
      {picture !== undefined && <img className={styles.quotePicture} src={picture} alt="" />}
    </button>
  );
}

function Reactions({ reactions, onReact }: { reactions: readonly Reaction[]; onReact?: (emoji: string) => void }) {
  const { words, format } = useSpeech();
  return (
    <div className={styles.reactions}>
      {reactions.map(({ emoji, count, own }) => (
        <button
          key={emoji}
          type="button"
          aria-pressed={own}
          aria-label={words.reaction(emoji, count, own)}
          className={styles.reaction}
          onClick={() => onReact?.(emoji)}
        >
          <span className={styles.reactionEmoji}>{emoji}</span>
          {count > 1 && <span>{format.number(count)}</span>}
        </button>
      ))}
    </div>
  );
}
