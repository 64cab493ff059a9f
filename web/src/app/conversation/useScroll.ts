/**
 * Keeps in place what one looks at, while lines come and go around it.
 *
 * Always holds: at the newest line, the newest stays in view; elsewhere, the first line in view stays
 * where it is. Deliberately absent: the browser's own scroll anchoring, which not all have.
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** So near to its end it counts as there, in pixels. */
const AT_END = 48;
/** So near to an edge the window moves: more than a fling covers while lines are fetched. */
const NEAR = 1_600;

export interface Scroll {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  readonly atEnd: boolean;
  readonly toEnd: () => void;
  /** Brings a line into the middle; `ifAbove` only where it stands above what is in view. False where it is not drawn. */
  readonly toLine: (key: string, ifAbove?: boolean) => boolean;
}

export interface Edges {
  readonly newest: boolean;
  readonly moves: boolean;
  readonly onOlder: () => void;
  readonly onNewer: () => void;
}

interface Held {
  readonly key: string;
  readonly from: number;
}

function lineOf(scroller: HTMLElement, key: string): HTMLElement | null {
  return scroller.querySelector<HTMLElement>(`[data-line="${CSS.escape(key)}"]`);
}

/** The first line in view, and how far from the top it stands. */
function firstInView(scroller: HTMLElement): Held | null {
  const top = scroller.getBoundingClientRect().top;
  const all = scroller.querySelectorAll<HTMLElement>("[data-line]");
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((all[middle]?.getBoundingClientRect().bottom ?? 0) > top) high = middle;
    else low = middle + 1;
  }
  const found = all[low];
  return found === undefined ? null : { key: found.dataset.line ?? "", from: found.getBoundingClientRect().top - top };
}

export function useScroll(changes: unknown, { newest, moves, onOlder, onNewer }: Edges): Scroll {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const held = useRef<Held | null>(null);
  const [atEnd, setAtEnd] = useState(true);
  const end = useRef(true);
  const keep = useCallback(() => {
    const it = scroller.current;
    if (it === null) return;
    if (end.current) {
      it.scrollTop = it.scrollHeight;
      return;
    }
    const line = held.current === null ? null : lineOf(it, held.current.key);
    if (line === null || held.current === null) return;
    const moved = line.getBoundingClientRect().top - it.getBoundingClientRect().top - held.current.from;
    if (Math.abs(moved) >= 1) it.scrollTop += moved;
  }, []);
  /** More comes where there is little left to see. */
  const ask = useCallback(() => {
    const it = scroller.current;
    if (it === null || moves) return;
    if (it.scrollTop < NEAR) onOlder();
    else if (!newest && it.scrollHeight - it.scrollTop - it.clientHeight < NEAR) onNewer();
  }, [newest, moves, onOlder, onNewer]);
  const look = useCallback(() => {
    const it = scroller.current;
    if (it === null) return;
    end.current = newest && it.scrollHeight - it.scrollTop - it.clientHeight < AT_END;
    setAtEnd(end.current);
    held.current = firstInView(it);
    ask();
  }, [newest, ask]);
  useLayoutEffect(keep, [changes, keep]);
  useEffect(() => {
    const it = scroller.current;
    const inside = content.current;
    if (it === null || inside === null) return;
    const size = new ResizeObserver(keep);
    size.observe(inside);
    size.observe(it);
    return () => { size.disconnect(); };
  }, [keep]);
  useEffect(() => {
    const it = scroller.current;
    if (it === null) return;
    let asked = 0;
    const onScroll = (): void => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(look);
    };
    it.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      cancelAnimationFrame(asked);
      it.removeEventListener("scroll", onScroll);
    };
  }, [look]);
  // What has come may end near to where one is, and nobody scrolls.
  useEffect(() => {
    const asked = requestAnimationFrame(ask);
    return () => { cancelAnimationFrame(asked); };
  }, [ask]);
  const toEnd = useCallback(() => {
    end.current = true;
    setAtEnd(true);
    keep();
  }, [keep]);
  const toLine = useCallback((key: string, ifAbove = false) => {
    const it = scroller.current;
    const line = it === null ? null : lineOf(it, key);
    if (it === null || line === null) return false;
    if (ifAbove && line.getBoundingClientRect().top >= it.getBoundingClientRect().top) return true;
    line.scrollIntoView({ block: "center" });
    end.current = newest && it.scrollHeight - it.scrollTop - it.clientHeight < AT_END;
    setAtEnd(end.current);
    held.current = { key, from: line.getBoundingClientRect().top - it.getBoundingClientRect().top };
    return true;
  }, [newest]);
  return { scroller, content, atEnd, toEnd, toLine };
}
