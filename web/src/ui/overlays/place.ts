/**
 * Where something that floats goes, beside what it belongs to.
 *
 * Always holds: pure; it lies within the window where it fits at all, and on the side that was asked
 * for unless only the other has room. Lengths are CSS pixels from the window's left and top.
 */

/** A rectangle in the window. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Wish {
  /** Above or below the anchor. */
  readonly side: "below" | "above";
  /** Which edges lie on one line; `start` and `end` by the direction of writing. */
  readonly align: "start" | "center" | "end";
  readonly rtl: boolean;
}

const GAP = 6;
const MARGIN = 8;

/** Left and top of a float of `size` beside `anchor` in a window of `room`. */
export function place(
  anchor: Box,
  size: Pick<Box, "width" | "height">,
  room: Pick<Box, "width" | "height">,
  wish: Wish,
): { left: number; top: number } {
  const below = anchor.top + anchor.height + GAP;
  const above = anchor.top - GAP - size.height;
  const fitsBelow = below + size.height <= room.height - MARGIN;
  const fitsAbove = above >= MARGIN;
  const top = wish.side === "below" ? (fitsBelow || !fitsAbove ? below : above) : fitsAbove || !fitsBelow ? above : below;
  const atLeft = anchor.left;
  const atRight = anchor.left + anchor.width - size.width;
  const startsLeft = (wish.align === "start") !== wish.rtl;
  const left = wish.align === "center" ? (atLeft + atRight) / 2 : startsLeft ? atLeft : atRight;
  const within = (value: number, most: number): number => Math.max(MARGIN, Math.min(value, most - MARGIN));
  return { left: within(left, room.width - size.width), top: within(top, room.height - size.height) };
}
