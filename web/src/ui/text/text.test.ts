import { describe, expect, it } from "vitest";
import { hostOf, plainHostOf, suspicionOf } from "./domains";
import { emojiAlone, isEmoji, piecesOf } from "./pieces";

const kinds = (text: string): string => piecesOf(text).map((p) => `${p.kind}:${p.text}`).join("|");

describe("a text", () => {
  it("is cut into links, and what is not part of them stays text", () => {
    expect(kinds("See https://example.org/a(b), please.")).toBe(
      "text:See |link:https://example.org/a(b)|text:, please.",
    );
    expect(piecesOf("example.com")).toEqual([{ kind: "link", text: "example.com", href: "https://example.com" }]);
    expect(piecesOf("a@example.com")[0]).toMatchObject({ kind: "link", href: "mailto:a@example.com" });
  });

  it("has no link that runs something or leaves the web", () => {
    for (const text of ["javascript:alert(1)", "data:text/html,x", "ftp://example.org", "file:///etc/passwd"]) {
      const hrefs = piecesOf(text).flatMap((p) => (p.kind === "link" ? [p.href] : []));
      expect(hrefs.filter((href) => !/^(https|mailto):/.test(href)), text).toEqual([]);
    }
    expect(kinds("ftp://files.here")).not.toContain("link:ftp");
  });

  it("has its mentions where the message says, and ignores impossible ones", () => {
    const text = "Hi @Ana and @Ben";
    const pieces = piecesOf(text, [
      { start: 12, end: 16, id: "b" },
      { start: 3, end: 7, id: "a" },
      { start: 5, end: 9, id: "overlaps" },
      { start: 15, end: 99, id: "outside" },
    ]);
    expect(pieces.map((p) => (p.kind === "mention" ? p.id : p.text))).toEqual(["Hi ", "a", " and ", "b"]);
  });

  it("has emoji of many characters as one piece", () => {
    expect(kinds("ok 👩🏽‍🚒🇺🇳1️⃣!")).toBe("text:ok |emoji:👩🏽‍🚒|emoji:🇺🇳|emoji:1️⃣|text:!");
    expect(["©", "1", "#", "❤", "☎︎"].map(isEmoji)).toEqual([false, false, false, false, false]);
    expect(["❤️", "😀", "👍🏿", "🏴󠁧󠁢󠁷󠁬󠁳󠁿"].map(isEmoji)).toEqual([true, true, true, true]);
  });

  it("is shown large when it is up to three emoji", () => {
    expect(["😀", "😀 👍🏿", "😀😀😀😀", "hi 😀", ""].map(emojiAlone)).toEqual([1, 2, 0, 0, 0]);
  });

  it("loses nothing by being cut", () => {
    const text = "مرحبا 😀 https://example.org/ü?q=1#x\n‏@Ana — 中文.com, www.example.net. e\u0301";
    expect(piecesOf(text, [{ start: 0, end: 5, id: "x" }]).map((p) => p.text).join("")).toBe(text);
  });
});

describe("an address", () => {
  it("that is what it looks like is not warned of", () => {
    for (const href of [
      "https://example.com/a@b",
      "https://bücher.example",
      "https://пример.рф",
      "https://παράδειγμα.gr",
      "https://日本語ひらがな.jp",
      "https://مثال.السعودية",
      "mailto:ana@example.com",
    ]) {
      expect(suspicionOf(href), href).toBeNull();
    }
    expect(suspicionOf("https://www.example.com/x", "example.com")).toBeNull();
    expect(suspicionOf("https://example.com/x", "Read this")).toBeNull();
  });

  it("that could pass for another is told by its kind", () => {
    expect(suspicionOf("https://bank.example@evil.example/")).toBe("user");
    expect(suspicionOf("https://соmity.example")).toBe("mixed");
    expect(suspicionOf("https://соре.example")).toBe("lookalike");
    expect(suspicionOf("https://xn--e1argc.example")).toBe("lookalike");
    expect(suspicionOf("https://sonɡ.example")).toBe("lookalike");
    expect(suspicionOf("https://evil.example/", "https://bank.example/")).toBe("elsewhere");
    expect(suspicionOf("https://")).toBe("unreadable");
    expect(suspicionOf("mailto:ana@соmity.example")).toBe("mixed");
  });

  it("is read in its own letters", () => {
    expect(hostOf("https://xn--bcher-kva.example/")).toBe("bücher.example");
    expect(hostOf("nonsense")).toBeNull();
  });

  it("shows in the network's letters where it really leads", () => {
    expect(plainHostOf("https://www.соmity.example/pay")).toBe("www.xn--mity-45dr.example");
    expect(plainHostOf("https://bank.example@evil.example/")).toBe("evil.example");
    expect(plainHostOf("mailto:ana@соmity.example")).toBe("xn--mity-45dr.example");
    expect(plainHostOf("https://")).toBeNull();
  });
});
