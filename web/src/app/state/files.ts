/**
 * Files of messages: fetched when they are wanted, shown as addresses of this page.
 *
 * Always holds: a file is fetched once for the page; at most `HELD_MAX` are held, and what went is
 * fetched again. Deliberately absent: writing to the disk but when somebody saves.
 */
import { useCallback, useEffect, useState } from "react";
import type { ConversationView, MessageId } from "../../core/types";
import type { Transfer } from "../../ui/timeline/Attachments";
import { useAct, useCore, useShared } from "./context";
import { type Core, type Line, outcome } from "./face";

const HELD_MAX = 80;
/** What is fetched without being asked for, in bytes: pictures and voices as people send them. */
export const BY_ITSELF_MAX = 5_000_000;

interface Held {
  readonly url: string;
  readonly blob: Blob;
}

const held = new Map<MessageId, Held>();
/** Under which name an own file was handed to the core. */
const given = new Map<MessageId, string>();
const wanted = new Map<MessageId, string>();

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

/** Very small pictures of what was sent from this page, as data addresses. */
const placeholders = new Map<MessageId, string>();

/** What is shown until a picture is there, where it is known. */
export function placeholderOf(message: MessageId): string | undefined {
  return placeholders.get(message);
}

/** Remembers that `message` carries the file handed over as `name`. */
export function gave(message: MessageId, name: string, blob: Blob, placeholder?: string): void {
  given.set(message, name);
  if (placeholder !== undefined) placeholders.set(message, placeholder);
  hold(message, blob);
}

/** How a line's file stands, its address once it is here, and what fetches it. */
export function useFile(conversation: number, line: Line): { readonly transfer: Transfer; readonly held: Held | undefined; readonly fetch: () => void } {
  const core = useCore();
  const act = useAct();
  const { transfers } = useShared();
  const [here, setHere] = useState(() => held.get(line.message));
  const { message, attachment } = line;
  const name = given.get(message) ?? wanted.get(message);
  const under = transfers.find((it) => it.path !== null && it.path === name);
  const fetch = useCallback(() => {
    if (wanted.has(message) || held.has(message)) return;
    const path = crypto.randomUUID();
    wanted.set(message, path);
    void act({ save_attachment: { conversation, message, path } }).then((events) => {
      if (events === null) wanted.delete(message);
    });
  }, [act, conversation, message]);
  useEffect(() => core.onEvent((event) => {
    if (event.event !== "transfer" || event.path === null || event.path !== wanted.get(message)) return;
    if (event.state === "failed") wanted.delete(message);
    if (event.state !== "done") return;
    void core.take(event.path).then((blob) => {
      wanted.delete(message);
      if (blob !== undefined) setHere(hold(message, blob));
    });
  }), [core, message]);
  const total = under?.total_bytes ?? 0;
  const share = total > 0 ? Math.min(1, (under?.done_bytes ?? 0) / total) : 0;
  const moving = under !== undefined && under.state !== "done" && under.state !== "failed";
  const transfer: Transfer =
    line.status === "queued" && moving ? { kind: "moves", way: "up", share }
    : here !== undefined ? { kind: "here" }
    : moving || wanted.has(message) ? { kind: "moves", way: "down", share }
    : attachment?.available === false ? { kind: "gone" }
    : { kind: "there", onDownload: fetch };
  return { transfer, held: here, fetch };
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

const photos = new Map<number, Promise<string | undefined>>();

/** The address of a group's picture; undefined while there is none here. */
export function useGroupPhoto(view: ConversationView | null): string | undefined {
  const core = useCore();
  const [url, setUrl] = useState<string>();
  const conversation = view?.group?.photo === true ? view.conversation : undefined;
  useEffect(() => {
    if (conversation === undefined) return;
    let gone = false;
    const photo = photos.get(conversation) ?? groupPhoto(core, conversation);
    photos.set(conversation, photo);
    void photo.then((it) => {
      if (it === undefined) photos.delete(conversation);
      if (!gone) setUrl(it);
    });
    return () => { gone = true; };
  }, [core, conversation]);
  return conversation === undefined ? undefined : url;
}

/** A picture was changed: it is fetched anew when it is next shown. */
export function forgetGroupPhoto(conversation: number): void {
  photos.delete(conversation);
}

async function groupPhoto(core: Core, conversation: number): Promise<string | undefined> {
  const path = crypto.randomUUID();
  try {
    await outcome(core, { save_group_photo: { conversation, path } }, ["save_group_photo"], (event) => (event.event === "transfer" && event.path === path && event.state !== "running" ? true : undefined));
    const blob = await core.take(path);
    return blob === undefined ? undefined : URL.createObjectURL(blob);
  } catch {
    return undefined;
  }
}
