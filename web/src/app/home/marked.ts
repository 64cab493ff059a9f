/**
 * Marks in a line what was looked for.
 *
 * Always holds: the runs put together are the text, or its part around the first hit with '…' before.
 */
import { folded } from "../../ui/fields/Combobox";

export interface Run {
  readonly text: string;
  readonly hit: boolean;
}

const BEFORE = 40;
const words = new Intl.Segmenter("und", { granularity: "word" });

/** `text` cut at words that begin as a word of `query` does; the case and marks of letters do not count. */
export function marked(text: string, query: string): readonly Run[] {
  const wanted = folded(query).split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  const runs: { text: string; hit: boolean }[] = [];
  for (const { segment, isWordLike } of words.segment(text)) {
    const hit = isWordLike === true && wanted.some((word) => folded(segment).startsWith(word));
    const last = runs.at(-1);
    if (last?.hit === hit) last.text += segment;
    else runs.push({ text: segment, hit });
  }
  const first = runs[0];
  if (first !== undefined && !first.hit && runs.length > 1 && first.text.length > BEFORE) {
    // Not in the middle of a character.
    const tail = first.text.slice(-BEFORE);
    first.text = `…${/^[\uDC00-\uDFFF]/.test(tail) ? tail.slice(1) : tail}`;
  }
  return runs;
}
