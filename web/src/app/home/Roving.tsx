/**
 * A list that is one stop of the keyboard: arrows, Home and End go from row to row, and Tab leaves it.
 * Each row's first button takes the focus; its other controls are reached from there by Tab.
 */
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";

export interface RovingProps {
  readonly label: string;
  /** Changes when another row is the one to come in by. */
  readonly at?: string;
  readonly children: ReactNode;
}

function buttonsOf(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>(":scope > li") ?? [])].flatMap((row) => row.querySelector<HTMLElement>("button, a, input") ?? []);
}

export function Roving({ label, at, children }: RovingProps) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const all = buttonsOf(list.current);
    const chosen = all.find((it) => it === document.activeElement) ?? all.find((it) => it.getAttribute("aria-current") === "true") ?? all[0];
    for (const it of all) it.tabIndex = it === chosen ? 0 : -1;
  }, [at, children]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const all = buttonsOf(list.current);
    const from = all.indexOf(document.activeElement as HTMLElement);
    if (from < 0) return;
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: all.length - 1 }[event.key];
    const next = to === undefined ? undefined : all[Math.max(0, Math.min(to, all.length - 1))];
    if (next === undefined) return;
    event.preventDefault();
    for (const it of all) it.tabIndex = it === next ? 0 : -1;
    next.focus();
  };
  // The keys are those of the rows' buttons, which have the focus.
  // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
  return <ul ref={list} aria-label={label} onKeyDown={onKeyDown}>{children}</ul>;
}
