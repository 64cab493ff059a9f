import { describe, expect, it } from "vitest";
import { completed, mentionedIn, mentionsIn, offered, typedMention } from "./mentions";

const ana = { address: "1", name: "Ana Marković" };
const anaShort = { address: "2", name: "Ana" };
const layla = { address: "3", name: "ليلى حداد" };

describe("a mention while it is typed", () => {
  it("begins a word, and ends with it", () => {
    expect(typedMention("@", 1)).toEqual({ start: 0, query: "" });
    expect(typedMention("Hi @an", 6)).toEqual({ start: 3, query: "an" });
    expect(typedMention("mail@example", 12)).toBeNull();
    expect(typedMention("@ana hello", 10)).toBeNull();
    expect(typedMention("@لي", 3)).toEqual({ start: 0, query: "لي" });
  });

  it("offers who could be meant, without regard of case and marks", () => {
    expect(offered([layla, ana, anaShort], "AN")).toEqual([ana, anaShort]);
    expect(offered([ana], "markovic")).toEqual([ana]);
    expect(offered([ana], "ovi")).toEqual([]);
  });

  it("takes the place of what was typed", () => {
    expect(completed("Hi @an, hello", { start: 3, query: "an" }, 6, "Ana")).toEqual({ text: "Hi @Ana , hello", caret: 8 });
  });
});

describe("mentions in a text that is sent", () => {
  it("stand in bytes, the longest name first", () => {
    expect(mentionsIn("ليلى: @Ana Marković and @Ana", [anaShort, ana])).toEqual([
      { start: 10, length: 14, address: "1" },
      { start: 29, length: 4, address: "2" },
    ]);
  });

  it("are those of a line that is changed, as they are called in it", () => {
    const text = "ليلى: @Ana Marković and @Ana";
    const mentions = mentionsIn(text, [anaShort, ana]).map((it) => ({ ...it, own: false }));
    expect(mentionedIn({ text, mentions })).toEqual([{ address: "1", name: "Ana Marković" }, { address: "2", name: "Ana" }]);
    expect(mentionedIn({ text })).toEqual([]);
  });

  it("are whole names, and none where the name was taken out again", () => {
    expect(mentionsIn("@Anabel", [anaShort])).toEqual([]);
    expect(mentionsIn("hello", [ana])).toEqual([]);
  });
});
