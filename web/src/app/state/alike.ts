/** Rows that say the same, told anew. Always holds: what is given back shows what was told; where it is as before, it is the object from before. */
import type { Keyed } from "./face";

/** Whether two values made of texts, numbers and lists, as the core tells them, are the same. */
export function isAlike(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [names, others] = [Object.keys(a), Object.keys(b)];
  return names.length === others.length && names.every((name) => name in b && isAlike((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]));
}

/** The rows told now, each as the object that it was before where it says the same. */
export function keptOf<T>(before: readonly Keyed<T>[], now: readonly Keyed<T>[]): readonly Keyed<T>[] {
  const old = new Map(before.map((row) => [row.key, row]));
  return now.map((row) => {
    const was = old.get(row.key);
    return was !== undefined && isAlike(was.row, row.row) ? was : row;
  });
}
