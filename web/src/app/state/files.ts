/**
 * Files of messages: read back where the core keeps them, else fetched when they are wanted; shown as addresses of this page.
 *
 * Always holds: a file is had once for the page; at most `HELD_MAX` are held, and what went is read back or
 * fetched again, but fetched by itself only where it was not stopped. What comes is taken whatever is on the screen meanwhile, and
 * whoever began it: also a page that is gone. Of what is deleted or disappears nothing is held. Deliberately absent: writing to the
 * disk but when somebody saves; the core keeps what was looked at, sealed.
 */
import { useCallback, useEffect, useSyncExternalStore } from "react";
import type { FileKind, MessageId, TransferView } from "../../core/types";
import type { Transfer } from "../../ui/timeline/Attachments";
import { useAct, useCore, useShared } from "./context";
import type { Core, CoreEvent, Line } from "./face";

/** More than a conversation's window has lines, so that no two of them take each other's place. */
const HELD_MAX = 200;
/** What is had without being asked for, in bytes: pictures and voices as people send them. */
export const BY_ITSELF_MAX = 5_000_000;

interface Held {
  readonly url: string;
  readonly blob: Blob;
}

const held = new Map<MessageId, Held>();
/** Under which name a file is fetched. */
const wanted = new Map<MessageId, string>();
/** What the core was asked to read back: it is about to answer, or keeps nothing of it. */
const asked = new Map<MessageId, "asked" | "none">();
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
  // When it goes from the page it may be read back.
  asked.delete(message);
  for (const [oldest, { url }] of held) {
    if (held.size <= HELD_MAX) break;
    URL.revokeObjectURL(url);
    held.delete(oldest);
  }
  tell();
  return it;
}

/** Reads back what the core keeps of a message's file; undefined where that is nothing. */
export async function readBack(core: Pick<Core, "kept">, conversation: number, message: MessageId): Promise<Held | undefined> {
  const old = held.get(message);
  if (old !== undefined) return old;
  asked.set(message, "asked");
  const blob = await core.kept({ message: { conversation, message } }).catch(() => undefined);
  if (blob !== undefined) return hold(message, blob);
  asked.set(message, "none");
  tell();
  return undefined;
}

/** Nothing is held any more of a message that is gone. */
function drop(message: MessageId): void {
  const it = held.get(message);
  asked.delete(message);
  if (it === undefined) return;
  held.delete(message);
  URL.revokeObjectURL(it.url);
  tell();
}

/** Takes the files of messages that come, and drops those of messages that go, until what is returned is called. */
export function takeFiles(core: Pick<Core, "onEvent" | "take">): () => void {
  return core.onEvent((event: CoreEvent) => {
    if (event.event === "expired") drop(event.message);
    if (event.event === "item_changed" && event.item.deleted) drop(event.item.message);
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

/** How a file stands that is being asked for: a picture is there before a ring would be seen. */
function looking(kind: FileKind): Transfer {
  return kind === "file" || kind === "voice" || kind === "audio" ? { kind: "moves", way: "down", share: 0 } : { kind: "kept" };
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
  const { message, attachment } = line;
  const here = useSyncExternalStore(listen, () => held.get(message));
  const fetches = useSyncExternalStore(listen, () => wanted.has(message));
  const told = useSyncExternalStore(listen, () => asked.get(message));
  const waits = line.status === "queued" || line.status === "failed";
  // What is larger is read back when it is opened.
  const looks = attachment !== undefined && attachment.size <= BY_ITSELF_MAX && here === undefined && told !== "none" && !waits;
  useEffect(() => { if (looks && told === undefined) void readBack(core, conversation, message); }, [looks, told, core, conversation, message]);
  const under = movingOf(transfers, conversation, message);
  const fetch = useCallback(() => {
    if (wanted.has(message) || held.has(message)) return;
    const path = crypto.randomUUID();
    own.add(path);
    wanted.set(message, path);
    stopped.delete(message);
    tell();
    const get = async (): Promise<void> => {
      if (asked.get(message) !== "none" && await readBack(core, conversation, message) !== undefined) end(message, path, false);
      else if (await act({ save_attachment: { conversation, message, path } }) === null) end(message, path, true);
    };
    void get();
  }, [core, act, conversation, message]);
  const total = under?.total_bytes ?? 0;
  const share = total > 0 ? Math.min(1, (under?.done_bytes ?? 0) / total) : 0;
  const stop = under === undefined ? {} : { onStop: () => { void act({ stop_transfer: under.transfer }); } };
  const transfer: Transfer =
    line.status === "queued" && under !== undefined ? { kind: "moves", way: "up", share, ...stop }
    : here !== undefined ? { kind: "here" }
    : under !== undefined || fetches ? { kind: "moves", way: "down", share, ...stop }
    : waits ? { kind: "kept" }
    : looks ? looking(attachment.kind)
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
