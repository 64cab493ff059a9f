/**
 * The languages that there are words in.
 *
 * Always holds: English is here from the start; another language is fetched once somebody reads it.
 */
import { english, type Words } from "./en";
import type { Format, Language } from "./format";

const here = new Map<Language, (format: Format) => Words>([["en", english]]);

/** Whether the words of `language` are here. */
export function isHere(language: Language): boolean {
  return here.has(language);
}

/** Fetches the words of `language`; rejects where they can not be had. */
export async function learn(language: Language): Promise<void> {
  if (language === "ar" && !here.has("ar")) here.set("ar", (await import("./ar")).arabic);
}

/** The words of `language`, which has to be here. */
export function wordsIn(language: Language, format: Format): Words {
  const words = here.get(language);
  if (words === undefined) throw new Error(`the words of ${language} are not here`);
  return words(format);
}
