/**
 * Which parts of a list the Tab key stops at: one row, and what can be done with it. Arrows go to the others.
 *
 * Always holds: where the focus is, the stop is; so Shift+Tab and Tab come back to the row that one left.
 */

const CONTROLS = "button, a, input, [role=slider]";
/** What opens over a row is inside of it, and has stops of its own. A list may stand in one, too: it is no part of that. */
const OVER = "[popover], dialog";

function isOver(it: Element, within: Element): boolean {
  return within.contains(it.closest(OVER));
}

/** What takes the focus in a row. */
export function controlsOf(row: Element): readonly HTMLElement[] {
  return [...row.querySelectorAll<HTMLElement>(CONTROLS)].filter((it) => !isOver(it, row));
}

/** Whether something is a part of a row of `list`, and not of what opened over it. */
export function isOfRow(target: EventTarget | null, list: Element): target is Element {
  return target instanceof Element && !isOver(target, list);
}

/** Where a key leads from row `from` of so many; undefined where it leads nowhere. */
export function rowAt(key: string, from: number, count: number): number | undefined {
  const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: count - 1 }[key];
  return from < 0 || count === 0 || to === undefined ? undefined : Math.max(0, Math.min(to, count - 1));
}

export interface Stop<Row> {
  /** Where the focus is. */
  readonly focused: Row | undefined;
  /** Where it was last. */
  readonly left: Row | undefined;
  /** What is open beside the list. */
  readonly open: Row | undefined;
}

/** The row that Tab stops at: where the focus is, else where it was, else what is open, else the first. */
export function stopOf<Row>(rows: readonly Row[], { focused, left, open }: Stop<Row>): Row | undefined {
  return [focused, left, open].find((it) => it !== undefined && rows.includes(it)) ?? rows[0];
}

/** Makes `chosen` the only one of the rows that Tab stops at; `itself` where a row takes the focus beside its controls. */
export function stopAt(rows: readonly HTMLElement[], chosen: HTMLElement | undefined, itself = false): void {
  for (const row of rows) {
    const to = row === chosen ? 0 : -1;
    if (itself && row.tabIndex !== to) row.tabIndex = to;
    for (const control of controlsOf(row)) if (control.tabIndex !== to) control.tabIndex = to;
  }
}
