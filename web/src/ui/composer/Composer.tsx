/**
 * Where one writes.
 *
 * Always holds: Enter sends and Shift+Enter breaks the line, where there is a keyboard; while a word is
 * put together (input methods), Enter is the method's. Deliberately absent: keeping the draft; the text
 * is given and changes are told.
 */
import { ArrowUp, Check, CornerUpLeft, File as FileIcon, Mic, Paperclip, Pencil, Smile, Trash2, X } from "lucide-react";
import { type ClipboardEvent, type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { IconButton } from "../basics/Button";
import { Icon } from "../basics/Icon";
import { Popover } from "../overlays/Popover";
import { useSpeech } from "../words/context";
import styles from "./composer.module.css";
import { EmojiPicker } from "./EmojiPicker";

/** Something that will be sent with the text. */
export interface Waiting {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** A small picture of it. */
  readonly picture?: string;
}

export interface ComposerProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onSend: () => void;
  /** What the text is about: an answer, or the change of a message. */
  readonly about?: { readonly kind: "reply"; readonly name: string; readonly text: string } | { readonly kind: "edit"; readonly text: string };
  readonly onLeaveAbout?: () => void;
  readonly waiting?: readonly Waiting[];
  readonly onDrop?: (id: string) => void;
  readonly onAttach: () => void;
  readonly onPasteFiles?: (files: readonly File[]) => void;
  readonly onRecord: () => void;
  /** While a voice message is recorded: how long, and how loud it was of late, from 0 to 1. */
  readonly recording?: { readonly durationMs: number; readonly wave: readonly number[] };
  readonly onStop?: (keep: boolean) => void;
  /** Why one can not write here: shown instead. */
  readonly closed?: string;
  readonly recentEmoji?: readonly string[];
}

export function Composer(props: ComposerProps) {
  const { text, about, waiting = [], recording, closed } = props;
  const { words } = useSpeech();
  const frame = useRef<HTMLDivElement>(null);
  const records = recording !== undefined;
  const kind = about?.kind;
  const was = useRef({ records, kind });
  useEffect(() => {
    const ends = was.current.kind !== undefined && kind === undefined;
    const turns = was.current.records !== records;
    was.current = { records, kind };
    // What was pressed is gone: one goes on with what takes its place.
    if ((!ends && !turns) || document.activeElement !== document.body) return;
    const next = turns ? frame.current?.querySelector<HTMLElement>("[data-turns]") : undefined;
    (next ?? frame.current?.querySelector("textarea"))?.focus();
  }, [records, kind]);
  if (closed !== undefined) return <p className={styles.closed}>{closed}</p>;
  return (
    <div ref={frame} className={styles.composer}>
      {about !== undefined && <About about={about} {...(props.onLeaveAbout && { onLeave: props.onLeaveAbout })} />}
      {waiting.length > 0 && <WaitingRow waiting={waiting} {...(props.onDrop && { onDrop: props.onDrop })} />}
      {recording !== undefined ? <Recording {...recording} onStop={props.onStop} /> : (
        <div className={styles.row}>
          <IconButton icon={Paperclip} label={words.attach} onClick={props.onAttach} />
          <Writing {...props} />
          {text.trim() === "" && waiting.length === 0 && about?.kind !== "edit" ? (
            <IconButton data-turns icon={Mic} label={words.record} kind="soft" onClick={props.onRecord} />
          ) : (
            <IconButton icon={about?.kind === "edit" ? Check : ArrowUp} label={about?.kind === "edit" ? words.saveEdit : words.send} kind="lead" onClick={props.onSend} />
          )}
        </div>
      )}
    </div>
  );
}

function Writing({ text, about, onText, onSend, onPasteFiles, onLeaveAbout, recentEmoji = [] }: ComposerProps) {
  const { words } = useSpeech();
  const [picks, setPicks] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const close = useCallback(() => {
    setPicks(false);
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return;
    const keyboard = matchMedia("(hover: hover)").matches;
    if (event.key === "Enter" && !event.shiftKey && keyboard) {
      event.preventDefault();
      onSend();
    } else if (event.key === "Escape" && about !== undefined) {
      event.preventDefault();
      onLeaveAbout?.();
    }
  };
  const onPaste = (event: ClipboardEvent): void => {
    const files = [...event.clipboardData.files];
    if (files.length === 0 || onPasteFiles === undefined) return;
    event.preventDefault();
    onPasteFiles(files);
  };
  const put = (emoji: string): void => {
    const at = area.current?.selectionStart ?? text.length;
    onText(text.slice(0, at) + emoji + text.slice(area.current?.selectionEnd ?? at));
    requestAnimationFrame(() => {
      area.current?.setSelectionRange(at + emoji.length, at + emoji.length);
    });
  };
  return (
    <div ref={box} className={styles.writing}>
      <textarea
        ref={area}
        rows={1}
        dir={text === "" ? undefined : "auto"}
        className={styles.area}
        aria-label={words.write}
        placeholder={words.write}
        enterKeyHint="send"
        value={text}
        onChange={(event) => {
          onText(event.target.value);
        }}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <IconButton icon={Smile} label={words.emoji} aria-expanded={picks} onClick={() => { setPicks(!picks); }} />
      <Popover open={picks} onClose={close} anchor={box} label={words.emoji} side="above" align="end" bare>
        <EmojiPicker recent={recentEmoji} onPick={put} />
      </Popover>
    </div>
  );
}

function About({ about, onLeave }: { about: NonNullable<ComposerProps["about"]>; onLeave?: () => void }) {
  const { words } = useSpeech();
  return (
    <div className={styles.about}>
      <Icon of={about.kind === "reply" ? CornerUpLeft : Pencil} turns={about.kind === "reply"} />
      <span className={styles.aboutMain}>
        <span className={styles.aboutTitle}>{about.kind === "reply" ? words.replyingTo(about.name) : words.editing}</span>
        <bdi className={styles.aboutText}>{about.text}</bdi>
      </span>
      <IconButton icon={X} label={words.cancel} small onClick={onLeave} />
    </div>
  );
}

function WaitingRow({ waiting, onDrop }: { waiting: readonly Waiting[]; onDrop?: (id: string) => void }) {
  const { words, format } = useSpeech();
  return (
    <ul className={styles.waiting} aria-label={words.waiting(waiting.length)}>
      {waiting.map(({ id, name, bytes, picture }) => (
        <li key={id} className={styles.item}>
          {picture === undefined ? (
            <span className={styles.itemFile}><Icon of={FileIcon} /><bdi>{name}</bdi><span className={styles.itemSize}>{format.bytes(bytes)}</span></span>
          ) : <img className={styles.itemPicture} src={picture} alt={name} />}
          <button type="button" className={styles.drop} aria-label={words.removeNamed(name)} onClick={() => onDrop?.(id)}><Icon of={X} size={0.9} /></button>
        </li>
      ))}
    </ul>
  );
}

function Recording({ durationMs, wave, onStop }: { durationMs: number; wave: readonly number[]; onStop: ((keep: boolean) => void) | undefined }) {
  const { words, format } = useSpeech();
  const length = format.duration(durationMs);
  return (
    <div className={styles.row}>
      <IconButton icon={Trash2} label={words.discardRecording} onClick={() => onStop?.(false)} />
      <div className={styles.recording}>
        <span className={styles.light} />
        <span role="timer" aria-label={words.recording(length)} className={styles.length}>{length}</span>
        <span aria-hidden className={styles.wave}>
          {wave.map((loud, n) => <i key={n} style={{ blockSize: `${String(Math.max(10, loud * 100))}%` }} />)}
        </span>
      </div>
      <IconButton data-turns icon={Check} label={words.stopRecording} kind="lead" onClick={() => onStop?.(true)} />
    </div>
  );
}
