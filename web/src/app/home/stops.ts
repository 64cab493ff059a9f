/**
 * Which parts of a list the Tab key stops at: one row, and what can be done with it. Arrows go to the others.
 *
 * Always holds: where the focus is, the stop is; so Shift+Tab and Tab come back to the row that one left.
 */

const CONTROLS = "button, a, input, [role=slider]";
/** What opens over a row is inside of it, and has stops of its own. */
const OVER = "[popover], dialog";

/** What takes the focus in a row. */
export function controlsOf(row: Element): readonly HTMLElement[] {
  return [...row.querySelectorAll<HTMLElement>(CONTROLS)].filter((it) => it.closest(OVER) === null);
}

/** Whether something is a part of a row, and not of what opened over it. */
export function isOfRow(target: EventTarget | null): target is Element {
  return target instanceof Element && target.closest(OVER) === null;
}

/** Makes `chosen` the only one of the rows that Tab stops at; `itself` where a row takes the focus beside its controls. */
export function stopAt(rows: readonly HTMLElement[], chosen: HTMLElement | undefined, itself = false): void {
  for (const row of rows) {
    const to = row === chosen ? 0 : -1;
    if (itself && row.tabIndex !== to) row.tabIndex = to;
    for (const control of controlsOf(row)) if (control.tabIndex !== to) control.tabIndex = to;
  }
}
