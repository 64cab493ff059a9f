// A watched list, kept as the core tells its changes.
//
// Always holds: rows that did not change are the same objects as before, so that a screen which
// compares by identity draws only what is different.

import type { Rows } from "./types";

/** A row with what it stays the same by. */
export interface Keyed<T> {
  readonly key: string;
  readonly row: T;
}

/** The list after a change; the one before is left as it was. */
export function applied<T>(before: readonly Keyed<T>[], change: Rows): readonly Keyed<T>[] {
  const gone = new Set(change.gone);
  const after = gone.size > 0 ? before.filter((row) => !gone.has(row.key)) : before.slice();
  for (const put of change.put) {
    after.splice(put.at, 0, { key: put.key, row: put.row as T });
  }
  for (const set of change.set) {
    after[set.at] = { key: set.key, row: set.row as T };
  }
  return after;
}
