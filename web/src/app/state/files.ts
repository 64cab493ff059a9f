/**
 * Files of messages: fetched when they are wanted, shown as addresses of this page.
 *
 * Always holds: a file is fetched once for the page; at most `HELD_MAX` are held, and what went is
 * fetched again, but by itself only where it was not stopped. What comes is taken whatever is on the screen meanwhile, and
 * whoever began it: also a page that is gone. Deliberately absent: writing to the disk but when somebody saves.
 */
import { useCallback, useSyncExternalStore } from "react";
import type { MessageId, TransferView } from "../../core/types";
import type { Transfer } from "../../ui/timeline/Attachments";
import { useAct, useShared } from "./context";
import type { Core, CoreEvent, Line } from "./face";

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
/** Names under which this page fetches. What comes under another one is taken a moment later: it can be taken once. */
const own = new Set<string>();
export const OTHERS_FIRST_MS = 1_000;
/** What did not come, or was stopped, is not fetched by itself again. */
const stopped = new Set<MessageId>();

const listeners = new Set<() => void>();

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

function tell(): void {
  for (const listener of listeners) listener();
}

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
  tell();
  return it;
}

/** Takes the files of messages that come, until what is returned is called. */
export function takeFiles(core: Pick<Core, "onEvent" | "take">): () => void {
  return core.onEvent((event: CoreEvent) => {
    if (event.event !== "transfer" || event.upload || event.message === null || event.path === null) return;
    const { message, path, state } = event;
    if (state === "failed" && wanted.get(message) === path) end(message, path, true);
    if (state === "done") void take(core, message, path);
  });
}

async function take(core: Pick<Core, "take">, message: MessageId, path: string): Promise<void> {
  if (!own.has(path)) {
    if (!wanted.has(message) && !held.has(message)) wanted.set(message, path);
    tell();
    await new Promise((done) => setTimeout(done, OTHERS_FIRST_MS));
  }
  const blob = await core.take(path).catch(() => undefined);
  if (blob !== undefined) hold(message, blob);
  end(message, path, false);
}

/** Nothing is fetched under this name any more. */
function end(message: MessageId, path: string, stops: boolean): void {
  own.delete(path);
  if (wanted.get(message) === path) wanted.delete(message);
  if (stops) stopped.add(message);
  tell();
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
  const act = useAct();
  const { transfers } = useShared();
  const { message, attachment } = line;
  const here = useSyncExternalStore(listen, () => held.get(message));
  const fetches = useSyncExternalStore(listen, () => wanted.has(message));
  const under = movingOf(transfers, conversation, message);
  const fetch = useCallback(() => {
    if (wanted.has(message) || held.has(message)) return;
    const path = crypto.randomUUID();
    own.add(path);
    wanted.set(message, path);
    stopped.delete(message);
    tell();
    void act({ save_attachment: { conversation, message, path } }).then((events) => { if (events === null) end(message, path, true); });
  }, [act, conversation, message]);
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
