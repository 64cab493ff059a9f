/**
 * The emoji that can be picked, with their names in a language.
 *
 * Always holds: fetched when they are first wanted; names and keywords are Unicode's (CLDR), written
 * by `scripts/emoji.mjs`. Deliberately absent: emoji that systems in use do not draw yet.
 */
import { folded } from "../fields/Combobox";
import type { Language } from "../words/format";
import { flagOf } from "../fields/countries";

export const EMOJI_GROUPS = ["smileys", "people", "nature", "food", "travel", "activities", "objects", "symbols", "flags"] as const;
export type EmojiGroup = (typeof EMOJI_GROUPS)[number];

export interface Emoji {
  readonly emoji: string;
  readonly name: string;
  /** Folded: what it is found by. */
  readonly found: string;
}

export type EmojiTable = ReadonlyMap<EmojiGroup, readonly Emoji[]>;

/** As it is stored: emoji, name, keywords. */
type Stored = Readonly<Record<EmojiGroup, readonly (readonly [string, string, string])[]>>;

const tables = new Map<Language, Promise<EmojiTable>>();

async function load(language: Language): Promise<EmojiTable> {
  const stored = (language === "ar" ? await import("./emoji.ar.json") : await import("./emoji.en.json")).default as unknown as Stored;
  return new Map(
    EMOJI_GROUPS.map((group) => [
      group,
      stored[group].map(([emoji, name, keywords]) => ({ emoji, name, found: folded(`${name} ${keywords}`) })),
    ]),
  );
}

/** The table of a language; the same promise whenever it is asked. */
export function emojiTable(language: Language): Promise<EmojiTable> {
  let table = tables.get(language);
  if (table === undefined) {
    table = load(language);
    // What failed is tried anew when it is next wanted.
    table.catch(() => tables.delete(language));
    tables.set(language, table);
  }
  return table;
}

/** What has a word that begins with each word of the query, at most `most`. */
export function findEmoji(table: EmojiTable, query: string, most: number): readonly Emoji[] {
  const wanted = folded(query).split(/\s+/).filter((word) => word !== "");
  const found: Emoji[] = [];
  for (const group of table.values()) {
    for (const emoji of group) {
      const words = emoji.found.split(" ");
      if (wanted.every((want) => words.some((word) => word.startsWith(want)))) found.push(emoji);
      if (found.length === most) return found;
    }
  }
  return found;
}

/** What stands for the group in its row of tabs. */
export const GROUP_SIGNS: Readonly<Record<EmojiGroup, string>> = {
  smileys: "😀",
  people: "👋",
  nature: "🌿",
  food: "🍎",
  travel: "🏔️",
  activities: "⚽",
  objects: "💡",
  symbols: "💜",
  flags: flagOf("UN"),
};
