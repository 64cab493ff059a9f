/**
 * A tip: the name of what has only an icon, shown when the pointer rests on it or the keyboard is there.
 *
 * Always holds: it says nothing that its anchor's name does not; Escape takes it away (WCAG 1.4.13).
 * Deliberately absent: tips by touch; nothing may be learned from a tip alone.
 */
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useFloat } from "./float";
import styles from "./tooltip.module.css";

const REST_MS = 500;

export interface TooltipProps {
  readonly text: string;
  /** The id of what it belongs to, which is also the child. */
  readonly for: string;
  readonly children: ReactNode;
}

export function Tooltip({ text, for: id, children }: TooltipProps) {
  const [shown, setShown] = useState(false);
  const tip = useRef<HTMLSpanElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const anchor = useCallback(() => document.getElementById(id), [id]);
  const hide = useCallback(() => {
    clearTimeout(timer.current);
    setShown(false);
  }, []);
  useEffect(() => hide, [hide]);
  useLayoutEffect(() => {
    const it = tip.current;
    if (!shown || it === null) return;
    it.showPopover();
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape") hide();
    };
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("keydown", onKey);
    };
  }, [shown, hide]);
  useFloat(anchor, tip, shown, { side: "above", align: "center" });
  return (
    <span
      role="presentation"
      className={styles.around}
      onPointerEnter={(event) => {
        if (event.pointerType === "mouse") timer.current = setTimeout(() => { setShown(true); }, REST_MS);
      }}
      onPointerLeave={hide}
      onPointerDown={hide}
      onFocus={(event) => {
        if (event.target.matches(":focus-visible")) setShown(true);
      }}
      onBlur={hide}
    >
      {children}
      {shown && (
        <span ref={tip} popover="manual" aria-hidden className={styles.tip}>
          {text}
        </span>
      )}
    </span>
  );
}
