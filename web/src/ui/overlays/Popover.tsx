/**
 * What floats beside the control that opened it, and goes when one turns elsewhere.
 *
 * Always holds: the browser's own popover: Escape, a press elsewhere and another popover close it. One that opens while
 * a press goes on stays when that ends, and is closed by the next press elsewhere.
 * Deliberately absent: shutting off the page; that is `Dialog`.
 */
import { type ReactNode, type RefObject, useCallback, useLayoutEffect, useRef } from "react";
import { classes } from "../basics/classes";
import { useFloat } from "./float";
import type { Wish } from "./place";
import { isPressed } from "./press";
import styles from "./popover.module.css";

export interface PopoverProps {
  readonly open: boolean;
  readonly onClose: () => void;
  /** What it lies beside. */
  readonly anchor: RefObject<HTMLElement | null>;
  /** Its name for who can not see where it lies. */
  readonly label: string;
  readonly side?: Wish["side"];
  readonly align?: Wish["align"];
  /** Without room around its content. */
  readonly bare?: boolean;
  /** At least as wide as the anchor. */
  readonly fits?: boolean;
  /** What it is; a group of controls unless told. */
  readonly role?: "group" | "presentation";
  readonly children: ReactNode;
}

export function Popover(props: PopoverProps) {
  const { open, onClose, anchor, label, side = "below", align = "start", bare, fits, role = "group", children } = props;
  const it = useRef<HTMLDivElement>(null);
  const by = useCallback(() => anchor.current, [anchor]);
  // Before it is measured and before what is inside asks for the focus.
  useLayoutEffect(() => {
    const element = it.current;
    if (!open || element === null) return;
    if (fits === true) element.style.minInlineSize = `${String(anchor.current?.offsetWidth ?? 0)}px`;
    const held = isPressed();
    element.popover = held ? "manual" : "auto";
    element.showPopover();
    const away = (event: Event): void => { if (!element.contains(event.target as Node)) onClose(); };
    const escape = (event: KeyboardEvent): void => { if (event.key === "Escape") onClose(); };
    if (held) {
      document.addEventListener("pointerdown", away, { capture: true });
      document.addEventListener("keydown", escape);
    }
    const onToggle = (event: Event): void => {
      if ((event as ToggleEvent).newState === "closed") onClose();
    };
    element.addEventListener("toggle", onToggle);
    return () => {
      document.removeEventListener("pointerdown", away, { capture: true });
      document.removeEventListener("keydown", escape);
      element.removeEventListener("toggle", onToggle);
    };
  }, [open, onClose, fits, anchor]);
  useFloat(by, it, open, { side, align });
  if (!open) return null;
  return (
    <div ref={it} popover="auto" role={role} aria-label={role === "group" ? label : undefined} className={classes(styles.popover, bare && styles.bare)}>
      {children}
    </div>
  );
}
