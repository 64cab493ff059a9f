/**
 * A list that is one stop of the keyboard: arrows, Home and End go from row to row, and Tab leaves it.
 * Each row's first control takes the focus; its others are reached from there by Tab. A box is ticked by Enter, too,
 * and sends no form.
 */
import { type FocusEvent, type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import { controlsOf, isOfRow, rowAt, stopAt, stopOf } from "./stops";

export interface RovingProps {
  readonly label: string;
  /** Changes when another row is the one to come in by. */
  readonly at?: string;
  readonly children: ReactNode;
}

/** What takes the focus in a row: what is disabled does not. */
function first(row: Element): HTMLElement | undefined {
  return controlsOf(row).find((it) => !it.matches(":disabled"));
}

/** The rows that can be come to. */
function rowsOf(list: HTMLElement | null): readonly HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>(":scope > li") ?? [])].filter((row) => first(row) !== undefined);
}

export function Roving({ label, at, children }: RovingProps) {
  const list = useRef<HTMLUListElement>(null);
  const left = useRef<HTMLElement>(undefined);
  const came = useRef(at);
  useEffect(() => {
    if (came.current !== at) left.current = undefined;
    came.current = at;
    const rows = rowsOf(list.current);
    stopAt(rows, stopOf(rows, {
      focused: rows.find((row) => row.contains(document.activeElement)),
      left: left.current,
      open: rows.find((row) => first(row)?.getAttribute("aria-current") === "true"),
    }));
  }, [at, children]);
  const onKeyDown = (event: KeyboardEvent<HTMLUListElement>): void => {
    const { target } = event;
    if (!isOfRow(target, event.currentTarget)) return;
    if (event.key === "Enter" && target instanceof HTMLInputElement && target.type === "checkbox") {
      event.preventDefault();
      target.click();
      return;
    }
    const rows = rowsOf(list.current);
    const to = rowAt(event.key, rows.findIndex((row) => row.contains(target)), rows.length);
    const next = to === undefined ? undefined : rows[to];
    if (next === undefined) return;
    event.preventDefault();
    first(next)?.focus();
  };
  const onFocus = (event: FocusEvent<HTMLUListElement>): void => {
    const rows = rowsOf(list.current);
    const within = isOfRow(event.target, event.currentTarget) ? rows.find((row) => row.contains(event.target)) : undefined;
    if (within === undefined) return;
    left.current = within;
    stopAt(rows, within);
  };
  // The keys are those of the rows' controls, which have the focus.
  // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
  return <ul ref={list} aria-label={label} onKeyDown={onKeyDown} onFocus={onFocus}>{children}</ul>;
}
