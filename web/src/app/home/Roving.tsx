/**
 * A list that is one stop of the keyboard: arrows, Home and End go from row to row, and Tab leaves it.
 * Each row's first control takes the focus; its others are reached from there by Tab.
 */
import { type FocusEvent, type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import { controlsOf, isOfRow, stopAt } from "./stops";

export interface RovingProps {
  readonly label: string;
  /** Changes when another row is the one to come in by. */
  readonly at?: string;
  readonly children: ReactNode;
}

/** The rows that can be come to. */
function rowsOf(list: HTMLElement | null): readonly HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>(":scope > li") ?? [])].filter((row) => controlsOf(row).length > 0);
}

export function Roving({ label, at, children }: RovingProps) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const rows = rowsOf(list.current);
    stopAt(rows, rows.find((row) => row.contains(document.activeElement)) ?? rows.find((row) => controlsOf(row)[0]?.getAttribute("aria-current") === "true") ?? rows[0]);
  }, [at, children]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!isOfRow(event.target)) return;
    const rows = rowsOf(list.current);
    const from = rows.findIndex((row) => row.contains(event.target as Node));
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: rows.length - 1 }[event.key];
    const next = from < 0 || to === undefined ? undefined : rows[Math.max(0, Math.min(to, rows.length - 1))];
    if (next === undefined) return;
    event.preventDefault();
    controlsOf(next)[0]?.focus();
  };
  const onFocus = (event: FocusEvent): void => {
    const rows = rowsOf(list.current);
    const within = isOfRow(event.target) ? rows.find((row) => row.contains(event.target as Node)) : undefined;
    if (within !== undefined) stopAt(rows, within);
  };
  // The keys are those of the rows' controls, which have the focus.
  // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
  return <ul ref={list} aria-label={label} onKeyDown={onKeyDown} onFocus={onFocus}>{children}</ul>;
}
