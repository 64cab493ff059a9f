/** What was measured, as figures: a table for people, the same for programs. Always holds: nothing here judges. */

/** One thing that was measured. */
export interface Figure {
  readonly what: string;
  readonly unit: "ms" | "bytes" | "s" | "lines/s" | "messages/s" | "tasks";
  /** What is asked of it, in words; absent where nothing is. */
  readonly asked?: string;
  readonly values: readonly number[];
}

export interface Spread {
  readonly count: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

/** The smallest value that so large a part of the sorted values does not pass. */
function at(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { count: sorted.length, median: at(sorted, 0.5), p95: at(sorted, 0.95), max: at(sorted, 1) };
}

function shown(value: number): string {
  if (Number.isNaN(value)) return "–";
  return value >= 100 ? Math.round(value).toLocaleString("en-GB") : String(Math.round(value * 10) / 10);
}

/** Lines of a table, the columns under one another. */
export function table(figures: readonly Figure[]): string {
  const head = ["what", "unit", "asked", "median", "p95", "max", "of"];
  const rows = figures.map(({ what, unit, asked = "–", values }) => {
    const { count, median, p95, max } = spreadOf(values);
    return [what, unit, asked, shown(median), shown(p95), shown(max), String(count)];
  });
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => (column < 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ").trimEnd();
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
