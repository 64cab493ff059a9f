/**
 * Which part of a conversation is drawn: a window of `LIMIT` lines that moves by `STEP`, however long
 * the conversation is.
 *
 * Always holds: neighbouring windows have lines in common, so what one looks at stays where it is when
 * the window moves. Deliberately absent: the lines; the core has them, and a window is told by the line
 * after it.
 */
import type { MessageId, TimelineItem } from "../../core/types";

/** Lines in a window. */
export const LIMIT = 160;
/** Lines between the ends of neighbouring windows. */
export const STEP = 80;

/** Where the window is: before `ends[at]`, where null is the newest. An `end` is known once one came by it. */
export interface Place {
  readonly ends: readonly (MessageId | null)[];
  readonly at: number;
}

export const NEWEST: Place = { ends: [null], at: 0 };

/** The line after the window; undefined for a window that ends with the newest. */
export function endOf(place: Place): MessageId | undefined {
  return place.ends[place.at] ?? undefined;
}

/** One step towards the beginning; the same place where `lines`, oldest first, begin there. */
export function older(place: Place, lines: readonly Pick<TimelineItem, "message">[]): Place {
  if (lines.length < LIMIT) return place;
  const at = place.at + 1;
  if (at < place.ends.length) return { ...place, at };
  const end = lines.at(-STEP)?.message;
  return end === undefined ? place : { ends: [...place.ends, end], at };
}

/** One step towards the newest. */
export function newer(place: Place): Place {
  return place.at === 0 ? place : { ...place, at: place.at - 1 };
}

/** Where the window's own end is no more (it vanished): the next one that is nearer to the newest. */
export function without(place: Place): Place {
  return place.at === 0 ? NEWEST : { ends: place.ends.slice(0, place.at), at: place.at - 1 };
}

/** Asks for at most `limit` lines before a line, oldest first. */
export type Ask = (before: MessageId | undefined, limit: number) => Promise<readonly Pick<TimelineItem, "message">[]>;

const PAGE = STEP * 10;

/** The place that has `target` in its middle, found from the newest on; null where it is not in the conversation. */
export async function placeWith(target: MessageId, ask: Ask): Promise<Place | null> {
  const ends: (MessageId | null)[] = [null];
  let passed = 0;
  for (;;) {
    const lines = await ask(ends.at(-1) ?? undefined, PAGE);
    const found = lines.findIndex((line) => line.message === target);
    for (let from = lines.length - STEP; from >= 0; from -= STEP) {
      const end = lines[from]?.message;
      if (end !== undefined) ends.push(end);
    }
    if (found >= 0) {
      // So many lines are newer than it; window k leaves out the newest k * STEP.
      const after = passed + lines.length - 1 - found;
      const at = Math.max(0, Math.min(Math.floor((after - LIMIT / 2) / STEP), ends.length - 1));
      return { ends, at };
    }
    if (lines.length < PAGE) return null;
    passed += PAGE;
  }
}
