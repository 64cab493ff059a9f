/**
 * A conversation's lines as they stand on the screen: by day, in runs of one person, with the mark
 * where the unread begins.
 */
import type { MessageId } from "../../core/types";
import type { Progress } from "../../ui/basics/Icon";
import type { Mention } from "../../ui/text/pieces";
import type { Reaction } from "../../ui/timeline/Bubble";
import type { Line } from "../state/face";
import { progressAt } from "./said";

/** What one says within so long is one run. */
export const RUN_MS = 5 * 60_000;

export type RunPlace = "only" | "first" | "middle" | "last";

export type Entry =
  | { readonly kind: "day"; readonly key: string; readonly ms: number }
  | { readonly kind: "unread"; readonly key: string; readonly count: number }
  | { readonly kind: "line"; readonly key: string; readonly line: Line; readonly place: RunPlace };

export interface UnreadMark {
  /** The first line that was not read. */
  readonly from: MessageId;
  readonly count: number;
}

function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** Whether `next` goes on with the run of `line`. */
function goesOn(line: Line | undefined, next: Line | undefined): boolean {
  if (line === undefined || next === undefined) return false;
  if (line.kind === "notice" || next.kind === "notice" || line.author !== next.author) return false;
  return next.at_ms - line.at_ms < RUN_MS && sameDay(line.at_ms, next.at_ms);
}

/** What stands on the screen for `lines`, oldest first. */
export function entriesOf(lines: readonly Line[], mark: UnreadMark | null): readonly Entry[] {
  const entries: Entry[] = [];
  lines.forEach((line, n) => {
    const last = lines[n - 1];
    const next = lines[n + 1];
    if (last === undefined || !sameDay(last.at_ms, line.at_ms)) entries.push({ kind: "day", key: `day ${new Date(line.at_ms).toDateString()}`, ms: line.at_ms });
    const marked = mark?.from === line.message;
    if (marked) entries.push({ kind: "unread", key: "unread", count: mark.count });
    const follows = !marked && goesOn(last, line);
    const leads = goesOn(line, next) && next?.message !== mark?.from;
    const place = follows ? (leads ? "middle" : "last") : leads ? "first" : "only";
    entries.push({ kind: "line", key: line.message, line, place });
  });
  return entries;
}

/** Where the unread begin, of `lines` that end with the newest; null where all is read. */
export function unreadMark(lines: readonly Line[], unread: number): UnreadMark | null {
  if (unread <= 0) return null;
  let left = unread;
  let first: Line | undefined;
  for (let n = lines.length - 1; n >= 0 && left > 0; n -= 1) {
    const line = lines[n];
    if (line === undefined || line.outgoing || line.kind === "notice") continue;
    first = line;
    left -= 1;
  }
  return first === undefined ? null : { from: first.message, count: unread };
}

/** How far an own line got; undefined for the others'. */
export function progressOf(line: Line): Progress | undefined {
  return !line.outgoing || line.deleted ? undefined : progressAt(line.status);
}

/** Reactions, counted, in the order in which they first came. */
export function reactionsOf(line: Line, own: string): readonly Reaction[] {
  const all = new Map<string, { count: number; own: boolean }>();
  for (const { emoji, author } of line.reactions ?? []) {
    const was = all.get(emoji) ?? { count: 0, own: false };
    all.set(emoji, { count: was.count + 1, own: was.own || author === own });
  }
  return [...all].map(([emoji, it]) => ({ emoji, ...it }));
}

/** UTF-8 bytes before the UTF-16 unit `at` of `text`. */
export function bytesBefore(text: string, at: number): number {
  return new TextEncoder().encode(text.slice(0, at)).length;
}

/** The UTF-16 unit of `text` before which `bytes` bytes of UTF-8 stand; null in the middle of a character. */
export function unitAfter(text: string, bytes: number): number | null {
  let seen = 0;
  let unit = 0;
  for (const character of text) {
    if (seen >= bytes) break;
    const code = character.codePointAt(0) ?? 0;
    seen += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    unit += character.length;
  }
  return seen === bytes ? unit : null;
}

/** Mentions as the text's parts have them. Those that do not fit the text are left out. */
export function mentionsOf(line: Pick<Line, "text" | "mentions">): readonly Mention[] {
  return (line.mentions ?? []).flatMap(({ start, length, address }) => {
    const from = unitAfter(line.text, start);
    const to = unitAfter(line.text, start + length);
    return from === null || to === null || to <= from ? [] : [{ start: from, end: to, id: address }];
  });
}

const DAY_MS = 86_400_000;

/** What can still be done with a line: the core's rules, so that nothing is offered that it refuses. */
export function allowed(line: Line, nowMs: number): { readonly edit: boolean; readonly takeBack: boolean; readonly answer: boolean; readonly forward: boolean } {
  const said = !line.deleted && (line.kind === "text" || line.kind === "attachment");
  const there = said && line.status !== "failed" && line.status !== "queued";
  return {
    edit: there && line.outgoing && line.kind === "text" && nowMs - line.at_ms < DAY_MS,
    takeBack: there && line.outgoing && nowMs - line.at_ms < 2 * DAY_MS,
    answer: there,
    forward: there,
  };
}
