/**
 * What one is in the midst of in a conversation, and how Escape leads out of it.
 *
 * Always holds: what lies over the page (a dialog, a menu) takes the key first, then where the focus is (a search, the
 * field), then what was begun last; one press leaves one of them. A press elsewhere on the page leaves none.
 */
import { type RefObject, useEffect, useRef } from "react";

export type Mode = "select" | "find" | "edit" | "reply";

/** Those that are on, the one that was begun last at the end. */
export function opened(before: readonly Mode[], on: readonly Mode[]): readonly Mode[] {
  return [...before.filter((mode) => on.includes(mode)), ...on.filter((mode) => !before.includes(mode))];
}

/** Whether something lies over the page that Escape closes. A tip goes as well, and keeps nobody. */
function isCovered(): boolean {
  return document.querySelector("dialog[open], [popover]:not([aria-hidden]):popover-open") !== null;
}

/** Nothing has it: what had it is gone. */
export function isFocusLost(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}

/** Leaves what was begun last on Escape, while the focus is `within`, or nowhere. */
export function useEscape(within: RefObject<HTMLElement | null>, on: readonly Mode[], leave: (mode: Mode) => void): void {
  const order = useRef<readonly Mode[]>([]);
  const leaves = useRef(leave);
  useEffect(() => {
    order.current = opened(order.current, on);
    leaves.current = leave;
  });
  useEffect(() => {
    let covered = false;
    // What it closes may be gone when the key comes to its end.
    const begins = (event: KeyboardEvent): void => { if (event.key === "Escape") covered = isCovered(); };
    const ends = (event: KeyboardEvent): void => {
      const last = order.current.at(-1);
      if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || covered || last === undefined) return;
      if (!isFocusLost() && within.current?.contains(document.activeElement) !== true) return;
      event.preventDefault();
      leaves.current(last);
    };
    document.addEventListener("keydown", begins, { capture: true });
    document.addEventListener("keydown", ends);
    return () => {
      document.removeEventListener("keydown", begins, { capture: true });
      document.removeEventListener("keydown", ends);
    };
  }, [within]);
}
