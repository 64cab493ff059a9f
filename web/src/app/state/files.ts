/**
 * Files of messages: fetched when they are wanted, shown as addresses of this page.
 *
 * Always holds: a file is fetched once for the page; at most `HELD_MAX` are held, and what went is
 * fetched again, but by itself only where it was not stopped. Deliberately absent: writing to the disk but when somebody saves.
 */
import { useCallback, useEffect, useState } from "react";
import type { MessageId, TransferView } from "../../core/types";
import type { Transfer } from "../../ui/timeline/Attachments";
import { useAct, useCore, useShared } from "./context";
import type { Line } from "./face";

const HELD_MAX = 80;
/** What is fetched without being asked for, in bytes: pictures and voices as people send them. */
export const BY_ITSELF_MAX = 5_000_000;

interface Held {
  readonly url: string;
  readonly blob: Blob;
}

const held = new Map<MessageId, Held>();
/** Under which name a file is fetched. */
const wanted = new Map<MessageId, string>();
/** What did not come, or was stopped, is not fetched by itself again. */
const stopped = new Set<MessageId>();

export function hold(message: MessageId, blob: Blob): Held {
  const old = held.get(message);
  if (old !== undefined) return old;
  const it = { url: URL.createObjectURL(blob), blob };
  held.set(message, it);
  for (const [oldest, { url }] of held) {
    if (held.size <= HELD_MAX) break;
    URL.revokeObjectURL(url);
    held.delete(oldest);
  }
  return it;
}

type Moving = Pick<TransferView, "conversation" | "message" | "state" | "transfer" | "upload" | "done_bytes" | "total_bytes">;

/** The transfer that moves a message's file now, of all that there were. */
export function movingOf<T extends Moving>(transfers: readonly T[], conversation: number, message: MessageId): T | undefined {
  return transfers.findLast((it) => it.message === message && it.conversation === conversation && it.state !== "done" && it.state !== "failed");
}

export interface FileHere {
  readonly transfer: Transfer;
  readonly held: Held | undefined;
  readonly fetch: () => void;
  /** It may be fetched without being asked for. */
  readonly byItself: boolean;
}

/** How a line's file stands, its address once it is here, and what fetches it. */
export function useFile(conversation: number, line: Line): FileHere {
  const core = useCore();
  const act = useAct();
  const { transfers } = useShared();
  const [here, setHere] = useState(() => held.get(line.message));
  const [fetches, setFetches] = useState(() => wanted.has(line.message));
  const { message, attachment } = line;
  const under = movingOf(transfers, conversation, message);
  const fetch = useCallback(() => {
    if (wanted.has(message) || held.has(message)) return;
    const path = crypto.randomUUID();
    wanted.set(message, path);
    stopped.delete(message);
    setFetches(true);
    void act({ save_attachment: { conversation, message, path } }).then((events) => {
      if (events !== null) return;
      stopped.add(message);
      wanted.delete(message);
      setFetches(false);
    });
  }, [act, conversation, message]);
  useEffect(() => core.onEvent((event) => {
    if (event.event !== "transfer" || event.path === null || event.path !== wanted.get(message)) return;
    if (event.state === "failed") {
      stopped.add(message);
      wanted.delete(message);
      setFetches(false);
    }
    if (event.state !== "done") return;
    void core.take(event.path).then((blob) => {
      wanted.delete(message);
      setFetches(false);
      if (blob !== undefined) setHere(hold(message, blob));
    });
  }), [core, message]);
  const total = under?.total_bytes ?? 0;
  const share = total > 0 ? Math.min(1, (under?.done_bytes ?? 0) / total) : 0;
  const stop = under === undefined ? {} : { onStop: () => { void act({ stop_transfer: under.transfer }); } };
  const waits = line.status === "queued" || line.status === "failed";
  const transfer: Transfer =
    line.status === "queued" && under !== undefined ? { kind: "moves", way: "up", share, ...stop }
    : here !== undefined ? { kind: "here" }
    : under !== undefined || fetches ? { kind: "moves", way: "down", share, ...stop }
    : waits ? { kind: "kept" }
    : attachment?.available === false ? { kind: "gone" }
    : { kind: "there", onDownload: fetch };
  return { transfer, held: here, fetch, byItself: transfer.kind === "there" && !stopped.has(message) };
}

/** Lets the person save what is here. */
export function saveAs(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

/** What is held of a message's file. */
export function heldOf(message: MessageId): Held | undefined {
  return held.get(message);
}
