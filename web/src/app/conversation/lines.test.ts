import { describe, expect, it } from "vitest";
import type { Line } from "../state/face";
import { allowed, bytesBefore, entriesOf, mentionsOf, progressOf, reactionsOf, RUN_MS, unitAfter, unreadMark } from "./lines";

const noon = new Date(2026, 5, 17, 12).getTime();
const minute = 60_000;

function line(message: string, author: string, minutes: number, more: Partial<Line> = {}): Line {
  const outgoing = author === "me";
  return { message, seq: 1, kind: "text", author, outgoing, at_ms: noon + minutes * minute, status: outgoing ? "sent" : "received", text: message, edited: false, deleted: false, ...more };
}

/** What stands on the screen, a word each. */
function shown(lines: readonly Line[], mark: Parameters<typeof entriesOf>[1] = null): readonly string[] {
  return entriesOf(lines, mark).map((entry) => (entry.kind === "line" ? `${entry.line.message}:${entry.place}` : entry.kind));
}

describe("lines on the screen", () => {
  it("stand in runs of one person, by day", () => {
    expect(shown([line("a", "ana", 0), line("b", "ana", 1), line("c", "ana", 2), line("d", "me", 3), line("e", "ana", 4)])).toEqual(["day", "a:first", "b:middle", "c:last", "d:only", "e:only"]);
  });

  it("begin a new run after a while, after a notice, and on another day", () => {
    expect(shown([line("a", "ana", 0), line("b", "ana", RUN_MS / minute)])).toEqual(["day", "a:only", "b:only"]);
    expect(shown([line("a", "ana", 0), line("n", "ana", 1, { kind: "notice" }), line("b", "ana", 2)])).toEqual(["day", "a:only", "n:only", "b:only"]);
    expect(shown([line("a", "ana", 12 * 60 - 1), line("b", "ana", 12 * 60)])).toEqual(["day", "a:only", "day", "b:only"]);
  });

  it("have the mark where the unread begin, which ends a run", () => {
    expect(shown([line("a", "ana", 0), line("b", "ana", 1), line("c", "ana", 2)], { from: "b", count: 2 })).toEqual(["day", "a:only", "unread", "b:first", "c:last"]);
  });

  it("have keys that are theirs alone", () => {
    const keys = entriesOf([line("a", "ana", 0), line("b", "me", 12 * 60), line("c", "me", 36 * 60)], { from: "b", count: 1 }).map((entry) => entry.key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("the unread", () => {
  const lines = [line("a", "ana", 0), line("b", "me", 1), line("c", "ana", 2), line("n", "ana", 3, { kind: "notice" }), line("d", "ana", 4)];

  it("are counted from the newest, without one's own and notices", () => {
    expect(unreadMark(lines, 2)).toEqual({ from: "c", count: 2 });
    expect(unreadMark(lines, 0)).toBeNull();
  });

  it("begin at the first line here where more are unread than are here", () => {
    expect(unreadMark(lines, 500)).toEqual({ from: "a", count: 500 });
    expect(unreadMark([line("b", "me", 1)], 3)).toBeNull();
  });
});

describe("a line", () => {
  it("shows how far it got, where it is one's own and still said", () => {
    expect(progressOf(line("a", "me", 0, { status: "queued" }))).toBe("sending");
    expect(progressOf(line("a", "me", 0, { status: "read" }))).toBe("read");
    expect(progressOf(line("a", "me", 0, { deleted: true }))).toBeUndefined();
    expect(progressOf(line("a", "ana", 0))).toBeUndefined();
  });

  it("counts reactions, and tells one's own", () => {
    const reactions = [{ author: "ana", emoji: "👍" }, { author: "me", emoji: "👍" }, { author: "ben", emoji: "🎶" }];
    expect(reactionsOf(line("a", "ana", 0, { reactions }), "me")).toEqual([{ emoji: "👍", count: 2, own: true }, { emoji: "🎶", count: 1, own: false }]);
  });

  it("offers only what the core would do", () => {
    const old = noon + 25 * 60 * minute;
    expect(allowed(line("a", "me", 0), noon)).toEqual({ edit: true, takeBack: true, answer: true, forward: true });
    expect(allowed(line("a", "me", 0), old)).toMatchObject({ edit: false, takeBack: true });
    expect(allowed(line("a", "me", 0), noon + 49 * 60 * minute)).toMatchObject({ takeBack: false });
    expect(allowed(line("a", "ana", 0), noon)).toMatchObject({ edit: false, takeBack: false, answer: true });
    expect(allowed(line("a", "me", 0, { status: "failed" }), noon)).toMatchObject({ edit: false, forward: false });
    expect(allowed(line("a", "me", 0, { kind: "attachment" }), noon)).toMatchObject({ edit: false, takeBack: true });
  });
});

describe("places in a text", () => {
  it("are bytes for the core and units for the page", () => {
    const text = "a😀ليلى b";
    expect([0, 1, 3, 7].map((at) => bytesBefore(text, at))).toEqual([0, 1, 5, 13]);
    expect([0, 1, 5, 13].map((bytes) => unitAfter(text, bytes))).toEqual([0, 1, 3, 7]);
    expect(unitAfter(text, 2)).toBeNull();
    expect(unitAfter(text, 500)).toBeNull();
  });

  it("of mentions that do not fit are left out", () => {
    const text = "😀 @Ana hi";
    const fits = { start: 5, length: 4, address: "ana", own: false };
    expect(mentionsOf({ text, mentions: [fits] })).toEqual([{ start: 3, end: 7, id: "ana" }]);
    expect(mentionsOf({ text, mentions: [{ ...fits, start: 2 }, { ...fits, length: 99 }, { ...fits, length: 0 }] })).toEqual([]);
    expect(mentionsOf({ text })).toEqual([]);
  });
});
