/**
 * Writes `src/ui/composer/emoji.*.json`: the emoji that can be picked, with Unicode's names and keywords.
 *
 * Run with a new version of Unicode; its sources are large, and so no dependency:
 *   npm install --no-save unicode-emoji-json cldr-annotations-modern cldr-annotations-derived-modern
 */
import { readFileSync, writeFileSync } from "node:fs";

/** Emoji of later versions are not drawn by systems that are still in use. */
const VERSION_MAX = 15.1;
const GROUPS = {
  smileys: "Smileys & Emotion",
  people: "People & Body",
  nature: "Animals & Nature",
  food: "Food & Drink",
  travel: "Travel & Places",
  activities: "Activities",
  objects: "Objects",
  symbols: "Symbols",
  flags: "Flags",
};

const modules = process.env.EMOJI_MODULES?.split(":") ?? ["node_modules"];
function read(path) {
  for (const folder of modules) {
    try {
      return JSON.parse(readFileSync(`${folder}/${path}`, "utf8"));
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }
  throw new Error(`${path} is in none of ${modules.join(", ")}`);
}

const groups = read("unicode-emoji-json/data-by-group.json");
for (const language of ["en", "ar"]) {
  const names = {
    ...read(`cldr-annotations-derived-modern/annotationsDerived/${language}/annotations.json`).annotationsDerived.annotations,
    ...read(`cldr-annotations-modern/annotations/${language}/annotations.json`).annotations.annotations,
  };
  const table = {};
  for (const [group, title] of Object.entries(GROUPS)) {
    const found = groups.find((it) => it.name === title);
    table[group] = found.emojis
      .filter((it) => Number(it.emoji_version) <= VERSION_MAX)
      .flatMap(({ emoji }) => {
        const told = names[emoji] ?? names[emoji.replaceAll("\uFE0F", "")];
        if (told === undefined) return [];
        const name = told.tts[0];
        const words = new Set((told.default ?? []).join(" ").split(/[\s|]+/));
        for (const word of name.split(" ")) words.delete(word);
        return [[emoji, name, [...words].join(" ")]];
      });
  }
  const lines = Object.entries(table).map(([group, emoji]) => `${JSON.stringify(group)}:[\n${emoji.map((it) => JSON.stringify(it)).join(",\n")}\n]`);
  writeFileSync(`src/ui/composer/emoji.${language}.json`, `{${lines.join(",\n")}}\n`);
  console.log(language, Object.values(table).reduce((sum, it) => sum + it.length, 0));
}
