/**
 * What is sent besides text: pictures, videos, files, voice.
 *
 * Always holds: room is kept before the bytes are there, so nothing jumps; every one can be used by
 * the keyboard. Deliberately absent: playing and fetching; whoever shows them is told what to do.
 */
import { ArrowDown, ArrowDownToLine, ArrowUp, CloudOff, File as FileIcon, FileArchive, FileText, Pause, Play, X } from "lucide-react";
import type { KeyboardEvent, PointerEvent } from "react";
import { classes } from "../basics/classes";
import { Icon } from "../basics/Icon";
import { ProgressRing } from "../feedback/Feedback";
import { useSpeech } from "../words/context";
import styles from "./attachments.module.css";

/** How its bytes stand. `share` from 0 to 1. */
export type Transfer =
  | { readonly kind: "here" }
  /** They are with who sends them, and do not move; or it is yet to be seen whether they are here. */
  | { readonly kind: "kept" }
  | { readonly kind: "there"; readonly onDownload: () => void }
  | { readonly kind: "moves"; readonly way: "up" | "down"; readonly share: number; readonly onStop?: () => void }
  /** Nobody has them any more. */
  | { readonly kind: "gone" };

function TransferButton({ transfer, over }: { transfer: Transfer; over?: boolean }) {
  const { words } = useSpeech();
  if (transfer.kind === "here" || transfer.kind === "kept") return null;
  const style = classes(styles.round, over && styles.over);
  if (transfer.kind === "gone") {
    return <span role="img" aria-label={words.fileGone} title={words.fileGone} className={style}><Icon of={CloudOff} /></span>;
  }
  if (transfer.kind === "there") {
    return <button type="button" className={style} aria-label={words.download} onClick={transfer.onDownload}><Icon of={ArrowDownToLine} /></button>;
  }
  const label = transfer.way === "up" ? words.uploading(transfer.share) : words.downloading(transfer.share);
  return (
    <span className={style}>
      <ProgressRing label={label} share={transfer.share} size={2.75} />
      {transfer.onStop === undefined ? <Icon of={transfer.way === "up" ? ArrowUp : ArrowDown} size={1.125} /> : (
        <button type="button" className={styles.stop} aria-label={words.stop} onClick={transfer.onStop}><Icon of={X} size={1.125} /></button>
      )}
    </span>
  );
}

export interface ImageProps {
  /** A very small picture, shown blurred until the whole is there; without it a quiet ground is. */
  readonly placeholder?: string | undefined;
  readonly picture?: string;
  /** What is on it, in its sender's words. */
  readonly about?: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly transfer: Transfer;
  readonly onOpen: () => void;
}

export function ImageAttachment({ placeholder, picture, about, width, height, transfer, onOpen }: ImageProps) {
  const { words } = useSpeech();
  const ratio = Math.max(0.6, Math.min(width / height, 2));
  return (
    <div className={styles.frame} style={{ aspectRatio: String(ratio) }}>
      <button type="button" className={styles.whole} aria-label={about === undefined ? words.photo : words.photoOf(about)} onClick={onOpen}>
        {placeholder !== undefined && <img className={styles.blurred} src={placeholder} alt="" />}
        {picture !== undefined && <img className={styles.sharp} src={picture} alt="" loading="lazy" decoding="async" />}
      </button>
      <TransferButton transfer={transfer} over />
    </div>
  );
}

export interface VideoProps extends Omit<ImageProps, "picture"> {
  /** Absent where it is not known before it is played. */
  readonly durationMs?: number;
  readonly bytes: number;
}

export function VideoAttachment({ placeholder, width, height, transfer, onOpen, durationMs, bytes }: VideoProps) {
  const { words, format } = useSpeech();
  const length = durationMs === undefined ? undefined : format.duration(durationMs);
  return (
    <div className={styles.frame} style={{ aspectRatio: String(Math.max(0.6, Math.min(width / height, 2))) }}>
      <button type="button" className={styles.whole} aria-label={length === undefined ? words.video : words.playVideo(length)} onClick={onOpen}>
        {placeholder !== undefined && <img className={styles.blurred} src={placeholder} alt="" />}
        {transfer.kind === "here" && <span className={classes(styles.round, styles.over)}><Icon of={Play} size={1.5} /></span>}
      </button>
      <TransferButton transfer={transfer} over />
      <span className={styles.length}>{length !== undefined && `${length} · `}{format.bytes(bytes)}</span>
    </div>
  );
}

export interface FileProps {
  readonly name: string;
  readonly bytes: number;
  readonly transfer: Transfer;
  readonly onOpen: () => void;
}

export function FileAttachment({ name, bytes, transfer, onOpen }: FileProps) {
  const { format } = useSpeech();
  const size = format.bytes(bytes);
  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const picture = ["zip", "gz", "7z", "xz", "tar"].includes(ending) ? FileArchive : ["txt", "md", "pdf", "odt", "docx"].includes(ending) ? FileText : FileIcon;
  return (
    <div className={styles.file}>
      {transfer.kind === "here" || transfer.kind === "kept" ? <span className={styles.round}><Icon of={picture} /></span> : <TransferButton transfer={transfer} />}
      <button type="button" className={styles.fileMain} onClick={onOpen}>
        <bdi className={styles.fileName}>{name}</bdi>
        <span className={styles.soft}>{size}{ending !== "" && <> · <bdi>{ending.toUpperCase()}</bdi></>}</span>
      </button>
    </div>
  );
}

export interface VoiceProps {
  readonly durationMs: number;
  /** How loud, from 0 to 1, at even steps. */
  readonly wave: readonly number[];
  /** From 0 to 1. */
  readonly position: number;
  readonly playing: boolean;
  readonly heard: boolean;
  readonly transfer: Transfer;
  readonly onPlay: () => void;
  readonly onSeek: (position: number) => void;
  /** 1, 1.5 or 2. */
  readonly speed: number;
  readonly onSpeed: (speed: number) => void;
}

const STEP = 0.05;

export function VoiceAttachment({ durationMs, wave, position, playing, heard, transfer, onPlay, onSeek, speed, onSpeed }: VoiceProps) {
  const { words, format } = useSpeech();
  const total = format.duration(durationMs);
  const at = format.duration(durationMs * position);
  const onKeyDown = (event: KeyboardEvent): void => {
    const rtl = getComputedStyle(event.currentTarget).direction === "rtl";
    const forward = event.key === (rtl ? "ArrowLeft" : "ArrowRight") || event.key === "ArrowUp";
    const back = event.key === (rtl ? "ArrowRight" : "ArrowLeft") || event.key === "ArrowDown";
    const to = forward ? position + STEP : back ? position - STEP : event.key === "Home" ? 0 : event.key === "End" ? 1 : null;
    if (to === null) return;
    event.preventDefault();
    onSeek(Math.max(0, Math.min(1, to)));
  };
  const onPointerDown = (event: PointerEvent): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    onSeek(Math.max(0, Math.min(1, getComputedStyle(event.currentTarget).direction === "rtl" ? 1 - share : share)));
  };
  return (
    <div role="group" aria-label={words.voiceNote} className={styles.voice}>
      {transfer.kind === "here" ? (
        <button type="button" className={styles.round} aria-label={playing ? words.pause : words.play} onClick={onPlay}>
          <Icon of={playing ? Pause : Play} />
        </button>
      ) : <TransferButton transfer={transfer} />}
      <div className={styles.voiceMain}>
        <div
          role="slider"
          tabIndex={0}
          aria-label={words.position}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(position * 100)}
          aria-valuetext={words.positionOf(at, total)}
          className={styles.wave}
          onKeyDown={onKeyDown}
          onPointerDown={onPointerDown}
        >
          {wave.map((loud, n) => (
            <span key={n} className={classes(n / wave.length < position && styles.played)} style={{ blockSize: `${String(Math.max(10, loud * 100))}%` }} />
          ))}
        </div>
        <span className={styles.soft}>
          {position > 0 ? at : total}
          {!heard && <span className={styles.unheard} />}
        </span>
      </div>
      <button type="button" className={styles.speed} aria-label={words.speed(speed)} onClick={() => { onSpeed(speed >= 2 ? 1 : speed + 0.5); }}>
        {format.number(speed)}×
      </button>
    </div>
  );
}
