/**
 * A long press by touch or pen, where a browser tells of none: Safari on a phone has no `contextmenu`.
 *
 * Always holds: it ends when the finger moves away or the page scrolls; and lifting the finger after it presses nothing.
 * Deliberately absent: the mouse, which has another button, and the keyboard, which reaches the menu's own button.
 */
import { type MouseEvent, type PointerEvent, useEffect, useMemo, useRef } from "react";

/** As long as phones take it to be. */
export const HOLDS_MS = 500;
/** Pixels that a finger that rests may tremble. */
const TREMBLES = 10;

interface Press {
  readonly pointer: number;
  readonly x: number;
  readonly y: number;
  readonly end: () => void;
}

export interface LongPress {
  readonly onPointerDown: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerMove: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerUp: () => void;
  readonly onPointerCancel: () => void;
  readonly onClickCapture: (event: MouseEvent<HTMLElement>) => void;
}

/** For any number of elements: `held` is told which. It has to stay the same function. */
export function useLongPress(held: (element: HTMLElement) => void): LongPress {
  const press = useRef<Press | null>(null);
  /** A press was a long one, and what its end presses is not meant. */
  const was = useRef(false);
  useEffect(() => () => { press.current?.end(); }, []);
  return useMemo<LongPress>(() => {
    const end = (): void => { press.current?.end(); };
    return {
      onPointerDown: (event) => {
        end();
        was.current = false;
        const element = event.currentTarget;
        // What opened over it is inside of it, and has presses of its own.
        const within = event.target instanceof Element && event.target.closest("[popover], dialog") !== null;
        if (event.pointerType === "mouse" || !event.isPrimary || within) return;
        const timer = setTimeout(() => {
          end();
          was.current = true;
          held(element);
        }, HOLDS_MS);
        window.addEventListener("scroll", end, { capture: true, passive: true });
        press.current = {
          pointer: event.pointerId,
          x: event.clientX,
          y: event.clientY,
          end: () => {
            clearTimeout(timer);
            window.removeEventListener("scroll", end, { capture: true });
            press.current = null;
          },
        };
      },
      onPointerMove: ({ pointerId, clientX, clientY }) => {
        const now = press.current;
        if (now?.pointer === pointerId && Math.hypot(clientX - now.x, clientY - now.y) > TREMBLES) now.end();
      },
      onPointerUp: end,
      onPointerCancel: end,
      onClickCapture: (event) => {
        // A click that no pointer made is the keyboard's, or the page's own.
        if (!was.current || event.detail === 0) return;
        was.current = false;
        event.preventDefault();
        event.stopPropagation();
      },
    };
  }, [held]);
}
