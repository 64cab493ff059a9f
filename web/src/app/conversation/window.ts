/**
 * Which part of a conversation is drawn: a window of `LIMIT` lines that moves by `STEP`, however long
 * the conversation is.
 *
 * Always holds: neighbouring windows have `COMMON` lines in common, so what one looks at stays where it
 * is when the window moves; to come to a line costs the lines around it, wherever it stands.
 * Deliberately absent: the lines; the core has them, and a window is told by the line behind or before it.
 */
import type { MessageId, TimelineItem } from "../../core/types";

/** Lines in a window. */
export const LIMIT = 160;
/** Lines that come in when a window moves: as many as are laid out within one frame. */
export const STEP = 40;
/** Lines that stay when a window moves. */
const COMMON = LIMIT - STEP;
/** Lines before a line that one comes to, and behind it. */
const HALF = LIMIT / 2;

/** Where the window is: the newest lines, those before one, or those behind one. */
export interface Place {
  readonly before?: MessageId;
  readonly after?: MessageId;
  /** The conversation's first line, once one came by it. */
  readonly first?: MessageId;
}

type Named = Pick<TimelineItem, "message">;

export const NEWEST: Place = {};

export function isNewest(place: Place): boolean {
  return place.before === undefined && place.after === undefined;
}

/** Whether both show the same lines. */
export function isSame(a: Place, b: Place): boolean {
  return a.before === b.before && a.after === b.after;
}

/** What of the place a question or a view says. */
export function endsOf({ before, after }: Place): { readonly before?: MessageId } | { readonly after: MessageId } {
  return after !== undefined ? { after } : before !== undefined ? { before } : {};
}

function withFirst(place: Place, first: MessageId | undefined): Place {
  return first === undefined ? place : { ...place, first };
}

/** One step towards the beginning; the same place where `lines`, oldest first, begin there. */
export function older(place: Place, lines: readonly Named[]): Place {
  const begins = lines.length === 0 || lines[0]?.message === place.first || (place.after === undefined && lines.length < LIMIT);
  const before = lines[COMMON]?.message;
  return begins || before === undefined ? place : withFirst({ before }, place.first);
}

/** One step towards the newest. */
export function newer(place: Place, lines: readonly Named[]): Place {
  if (isNewest(place)) return place;
  const after = lines[Math.max(0, lines.length - COMMON - 1)]?.message;
  return after === undefined || lines.length < 2 ? NEWEST : withFirst({ after }, place.first);
}

/** Where the line that tells the window is no more (it vanished): the window of what was in it, else the newest. */
export function without(place: Place, lines: readonly Named[]): Place {
  const after = lines[0]?.message;
  return after === undefined || after === place.after || after === place.before ? NEWEST : { after };
}

/** Asks for at most `limit` lines before or behind a line, oldest first. */
export type Ask = (from: { readonly before: MessageId } | { readonly after: MessageId }, limit: number) => Promise<readonly Named[]>;

/** The window that begins with the conversation's first line. */
async function beginning(first: MessageId, ask: Ask): Promise<Place> {
  const lines = await ask({ after: first }, LIMIT);
  const before = lines[LIMIT - 1]?.message;
  return before === undefined ? NEWEST : { before, first };
}

/**
 * The place in whose stead a window that has come is better drawn: one that came to an end of the
 * conversation is filled up from there. The same place where it is good as it is.
 */
export async function settled(place: Place, lines: readonly Named[], ask: Ask): Promise<Place> {
  if (isNewest(place) || lines.length >= LIMIT) return place;
  if (place.after !== undefined) return NEWEST;
  const first = lines[0]?.message;
  return first === undefined ? NEWEST : beginning(first, ask);
}

/** The place that has `target` in its middle. Rejects where the line is not in the conversation. */
export async function placeWith(target: MessageId, ask: Ask): Promise<Place> {
  const [before, behind] = await Promise.all([ask({ before: target }, HALF), ask({ after: target }, HALF)]);
  if (behind.length < HALF) return NEWEST;
  const first = before[0]?.message ?? target;
  return before.length < HALF ? beginning(first, ask) : { after: first };
}
