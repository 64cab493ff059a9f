/**
 * A short word about what was just done, with a way to undo it.
 *
 * Always holds: it stays for `TOAST_MS`, and while one points at it or its button has the focus; it
 * takes nobody's focus. Deliberately absent: errors that have to be acted on; those are banners.
 */
import { X } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Button, IconButton } from "../basics/Button";
import { useSpeech } from "../words/context";
import styles from "./toast.module.css";

/** How long it stays: to read it and to get to its button (WCAG 2.2.1). */
export const TOAST_MS = 10_000;

export interface ToastProps {
  readonly text: string;
  /** Takes back what was done. */
  readonly onUndo?: () => void;
  readonly onClose: () => void;
}

export function Toast({ text, onUndo, onClose }: ToastProps) {
  const { words } = useSpeech();
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(onClose, TOAST_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [held, onClose]);
  return (
    <div
      role="presentation"
      className={styles.toast}
      onPointerEnter={() => { setHeld(true); }}
      onPointerLeave={() => { setHeld(false); }}
      onFocus={() => { setHeld(true); }}
      onBlur={() => { setHeld(false); }}
    >
      <span className={styles.text}>{text}</span>
      {onUndo !== undefined && (
        <Button kind="soft" size="small" onClick={onUndo}>{words.undo}</Button>
      )}
      <IconButton label={words.close} icon={X} small onClick={onClose} />
    </div>
  );
}

/** Where toasts stand: one a page, always there, so that screen readers hear what comes into it. */
export function ToastPlace({ children }: { children: ReactNode }) {
  const { words } = useSpeech();
  return (
    <div role="status" aria-label={words.notification} className={styles.place}>
      {children}
    </div>
  );
}
