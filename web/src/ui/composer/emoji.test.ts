import { describe, expect, it } from "vitest";
import { isEmoji } from "../text/pieces";
import { emojiTable, findEmoji } from "./emoji";

describe("the emoji", () => {
  it.each(["en", "ar"] as const)("are all emoji and all have names in %s", async (language) => {
    const all = [...(await emojiTable(language)).values()].flat();
    expect(all.length).toBeGreaterThan(1_800);
    expect(new Set(all.map((it) => it.emoji)).size).toBe(all.length);
    for (const { emoji, name } of all) {
      expect(isEmoji(emoji), emoji).toBe(true);
      expect(name, emoji).not.toBe("");
    }
  });

  it("are found by the beginnings of their words, in each language", async () => {
    const found = async (language: "en" | "ar", query: string): Promise<string[]> =>
      findEmoji(await emojiTable(language), query, 50).map((it) => it.emoji);
    expect(await found("en", "red hea")).toContain("❤️");
    expect(await found("ar", "قلب")).toContain("❤️");
    expect(await found("en", "jordan")).toEqual(["🇯🇴"]);
    expect(await found("en", "xyzzy")).toEqual([]);
    expect((await found("en", "a")).length).toBe(50);
  });
});
