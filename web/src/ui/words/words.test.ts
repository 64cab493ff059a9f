import { describe, expect, it } from "vitest";
import { speak } from "./context";
import { directionOf, Format, isolate, type Language, readerOf } from "./format";
import { learn } from "./languages";

const en = speak("en");
await learn("ar");
const ar = speak("ar");

/** Every leaf of a table, functions called with arguments that fit them all. */
function leaves(table: object, path = ""): [string, string][] {
  return Object.entries(table).flatMap(([key, value]): [string, string][] => {
    const name = path + key;
    if (typeof value === "string") return [[name, value]];
    if (typeof value === "object" && value !== null) return leaves(value as object, `${name}.`);
    const speakers = name === "typing" ? [["أ"]] : [3, 3, false];
    const said = (value as (...given: unknown[]) => unknown)(...speakers);
    return typeof said === "string" ? [[name, said]] : leaves(said as object, `${name}.`);
  });
}

describe("the words", () => {
  it("are there in both languages, and no English stands in the Arabic", () => {
    const arabic = new Map(leaves(ar.words));
    for (const [name, text] of leaves(en.words)) {
      expect(text, name).not.toBe("");
      expect(arabic.get(name), name).not.toBe(text);
      expect(arabic.get(name)?.replace("QR", ""), name).not.toMatch(/\p{Script=Latin}/u);
    }
  });

  it("count in each language's own forms", () => {
    expect([1, 2].map(en.words.members)).toEqual(["1 member", "2 members"]);
    const counted = [0, 1, 2, 3, 11, 100].map(ar.words.members);
    expect(new Set(counted).size).toBe(6);
  });

  it("shut names off from the sentence around them", () => {
    expect(en.words.replyingTo("ليلى")).toBe("Answering \u2068ليلى\u2069");
    expect(ar.words.wantsToTalk("Ana")).toContain(isolate("Ana"));
    expect(en.words.typing(["Ana", "ليلى"])).toBe("\u2068Ana\u2069 and \u2068ليلى\u2069 are typing…");
    expect(en.words.typing(["a", "b", "c"])).toBe("3 people are typing…");
  });

  it("are written the language's way", () => {
    const ways: [Language, string][] = [["en", "ltr"], ["ar", "rtl"]];
    for (const [language, way] of ways) expect(directionOf(language)).toBe(way);
  });
});

describe("formats", () => {
  const format = new Format("en");
  const noon = new Date(2026, 5, 17, 12).getTime();
  const hours = (n: number): number => noon + n * 3_600_000;

  it("tell a day by how far it is", () => {
    expect(format.day(hours(-11), noon)).toBe("Today");
    expect(format.day(hours(-13), noon)).toBe("Yesterday");
    expect(format.day(hours(-72), noon)).toBe("Sunday");
    expect(format.day(hours(-24 * 7), noon)).toBe("June 10, 2026");
    expect(format.when(hours(-1), noon)).toMatch(/^11:00.AM$/);
    expect(format.when(hours(-24 * 30), noon)).toBe("5/18/26");
  });

  it("tell sizes in the largest fitting unit", () => {
    expect([0, 999, 1000, 1500, 25_000_000, 2_000_000_000].map((n) => format.bytes(n))).toEqual([
      "0 bytes",
      "999 bytes",
      "1 kB",
      "1.5 kB",
      "25 MB",
      "2 GB",
    ]);
  });

  it("tell how long something stays, in the unit that comes out even", () => {
    expect([1, 90, 3_600, 5_400, 86_400, 604_800, 2_419_200].map((n) => format.span(n))).toEqual(["1 second", "90 seconds", "1 hour", "90 minutes", "1 day", "1 week", "4 weeks"]);
    expect([30, 3_700, 500_000].map((n) => format.left(n))).toEqual(["30s", "1h", "6d"]);
  });

  it("have a form for none where a sentence has one", () => {
    expect(format.plural(0, { zero: "none", one: "# one", other: "# more" })).toBe("none");
    expect(format.plural(0, { one: "# one", other: "# more" })).toBe("0 more");
  });

  it("tell how long a recording is", () => {
    expect(format.duration(65_000)).toBe("1:05");
  });
});

describe("times and dates", () => {
  const at = new Date(2026, 5, 7, 14, 5).getTime();
  const later = at + 40 * 86_400_000;
  /** The time, a date in a list, and a date among the lines, without the marks of direction. */
  const told = (language: Language, reader?: string): readonly string[] => {
    const format = new Format(language, reader);
    return [format.time(at), format.when(at, later), format.day(at, later)].map((text) => text.replace(/[\u200e\u200f]/gu, "").replace(/\s/gu, " "));
  };

  it("are as the reader's region has them, and the words are the language's", () => {
    expect(told("en")).toEqual(["2:05 PM", "6/7/26", "June 7, 2026"]);
    expect(told("en", "en-US")).toEqual(told("en"));
    expect(told("en", "en-GB")).toEqual(["14:05", "07/06/2026", "7 June 2026"]);
    expect(told("en", "de-DE")).toEqual(["14:05", "07/06/2026", "7 June 2026"]);
    expect(told("en", "sv-SE")).toEqual(["14:05", "2026-06-07", "7 June 2026"]);
    expect(told("ar", "ar-MA")).toEqual(["14:05", "7/6/2026", "7 يونيو 2026"]);
    expect(told("ar", "en-US")).toEqual(["2:05 م", "7/6/2026", "7 يونيو 2026"]);
    expect(told("ar", "de-DE")).toEqual(["14:05", "7/6/2026", "7 يونيو 2026"]);
  });

  it("are so, too, where the language is at home nowhere near", () => {
    // Spoken there by few: what is used there, as English writes it.
    expect(told("en", "pt-BR")).toEqual(["14:05", "07/06/2026", "7 June 2026"]);
    expect(told("en", "ar-EG")).toEqual(["2:05 pm", "07/06/2026", "7 June 2026"]);
    expect(told("en", "mn-MN")).toEqual(["14:05", "2026-06-07", "7 June 2026"]);
    // One of a region's languages counts in another way than the others.
    expect(told("en", "fr-CA")[0]).toBe("14:05");
    expect(told("en", "en-CA")[0]).toBe("2:05 p.m.");
  });

  it("have the digits of the language and the calendar of the words, wherever it is read", () => {
    for (const reader of ["ar-EG", "fa-IR", "th-TH", "ar-SA"]) {
      expect(told("ar", reader)[2], reader).toMatch(/^7 .* 2026$/);
      expect(told("en", reader)[2], reader).toBe("7 June 2026");
    }
  });

  it("are those of the first locale that names a region, or else of the browser's own", () => {
    expect(readerOf(["en", "de-AT", "en-US"], "en-US")).toBe("de-AT");
    expect(readerOf(["ar"], "ar-EG")).toBe("ar-EG");
    expect(readerOf([], "en-GB")).toBe("en-GB");
    expect(readerOf(["not a tag", "x"], "en-GB")).toBe("en-GB");
  });
});
