/**
 * Whether an address could pass for another: who reads 'раypal.com' should be told.
 *
 * Always holds: pure; an address that can not be read is suspicious. Deliberately absent: lists of
 * famous names; any name can be passed for. Scripts in one label after Unicode Technical Standard 39,
 * section 5 ('highly restrictive').
 */
import { toUnicode } from "punycode";

/** Why an address is suspicious. */
export type Suspicion =
  /** It can not be read as an address. */
  | "unreadable"
  /** It has a name before the host (`https://bank.example@evil.example`). */
  | "user"
  /** A label is written in scripts that are not written together. */
  | "mixed"
  /** A label in another script looks like Latin letters all through. */
  | "lookalike"
  /** It has characters that show nothing or pass for a dot or slash. */
  | "hidden"
  /** What is shown names another host than where it leads. */
  | "elsewhere";

/** Letters of other scripts that look like a Latin one in lower case (from Unicode's confusables). */
const LIKE_LATIN: readonly string[] = [
  // Cyrillic
  "аеорсухіјѕһԁԛԝӏвнкмтгпьъ",
  // Greek
  "αινορτυχκγωϲϳ",
  // Armenian
  "օսոցհքգզ",
];

/** Scripts that are written together in one word. */
const TOGETHER: readonly (readonly string[])[] = [
  ["Latin"],
  ["Han", "Hiragana", "Katakana", "Latin"],
  ["Han", "Bopomofo", "Latin"],
  ["Han", "Hangul", "Latin"],
];

const SCRIPTS = [
  "Latin", "Cyrillic", "Greek", "Armenian", "Arabic", "Hebrew", "Han", "Hiragana", "Katakana", "Hangul",
  "Bopomofo", "Thai", "Devanagari", "Georgian", "Ethiopic", "Cherokee", "Bengali", "Tamil",
] as const;
const MATCHERS = SCRIPTS.map((name) => [name, new RegExp(`\\p{Script=${name}}`, "u")] as const);

function scriptsOf(label: string): readonly string[] {
  const found = MATCHERS.filter(([, matcher]) => matcher.test(label)).map(([name]) => name as string);
  const known = new RegExp(`^[\\p{Script=Common}\\p{Script=Inherited}${SCRIPTS.map((s) => `\\p{Script=${s}}`).join("")}]*$`, "u");
  return known.test(label) ? found : [...found, "other"];
}

function ofLabel(label: string): Suspicion | null {
  if (/[\p{Default_Ignorable_Code_Point}\u2024\u2044\u2215\u29F8\u3002\uFF0E\uFF0F\u0130\u0131]/u.test(label)) return "hidden";
  const scripts = scriptsOf(label);
  if (scripts.length > 1 && !TOGETHER.some((set) => scripts.every((s) => set.includes(s)))) return "mixed";
  const letters = Array.from(label).filter((c) => /\p{L}/u.test(c));
  const foreign = letters.length > 0 && !scripts.includes("Latin");
  if (foreign && LIKE_LATIN.some((set) => letters.every((c) => set.includes(c)))) return "lookalike";
  // A Latin letter with a mark under or over it that is easily missed.
  if (scripts.includes("Latin") && /[ɑɡıłøþƅḷṃạẹịọụ]/u.test(label)) return "lookalike";
  return null;
}

/** The host of an address as people read it, or null. */
export function hostOf(href: string): string | null {
  try {
    return toUnicode(new URL(href).hostname);
  } catch {
    return null;
  }
}

/** The host of an address as the network has it: in it, letters that pass for others do not. */
export function plainHostOf(href: string): string | null {
  try {
    return new URL(href.startsWith("mailto:") ? `https://${href.slice(href.lastIndexOf("@") + 1)}` : href).hostname;
  } catch {
    return null;
  }
}

/** What is suspicious about the link `href` that is shown as `shown`; null where nothing is. */
export function suspicionOf(href: string, shown: string = href): Suspicion | null {
  if (href.startsWith("mailto:")) return suspicionOf(`https://${href.slice(href.lastIndexOf("@") + 1)}`);
  const host = hostOf(href);
  if (host === null) return "unreadable";
  const url = new URL(href);
  if (url.username !== "" || url.password !== "") return "user";
  for (const label of host.split(".")) {
    const found = ofLabel(label);
    if (found !== null) return found;
  }
  const named = /^(?:https?:\/\/)?([^\s/?#@]+\.[^\s/?#@:]+)(?::\d+)?(?:[/?#]|$)/iu.exec(shown.trim())?.[1];
  if (named !== undefined) {
    const other = hostOf(`https://${named}`);
    if (other !== null && other.replace(/^www\./, "") !== host.replace(/^www\./, "")) return "elsewhere";
  }
  return null;
}
