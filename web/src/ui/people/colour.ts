/** The colour of a person or a group, the same on every device, by id alone. */

/** How many there are: `--person-0` to `--person-9`. */
export const PERSON_COLOURS = 10;

/** From 0 to `PERSON_COLOURS` - 1. FNV-1a with 32 bits over the id's UTF-16 units, its bits mixed once more. */
export function colourOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return ((hash ^ (hash >>> 15)) >>> 0) % PERSON_COLOURS;
}

/** What stands where there is no picture: of the first and the last word the first letter or emoji. */
export function initialsOf(name: string): string {
  const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });
  const words = name.split(/\s+/u).map((word) => word.replace(/^[^\p{L}\p{N}\p{Extended_Pictographic}]+/u, "")).filter((word) => word !== "");
  const firstOf = (word: string | undefined): string => {
    const [first] = word === undefined ? [] : graphemes.segment(word);
    return first?.segment.toLocaleUpperCase() ?? "";
  };
  const first = firstOf(words[0]);
  if (words.length < 2) return first;
  const last = firstOf(words.at(-1));
  // Letters that are joined when they stand together stand apart here.
  return /\p{Script=Arabic}/u.test(first + last) ? `${first}\u200C${last}` : first + last;
}
