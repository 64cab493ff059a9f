import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Command, DraftView } from "../../core/types";
import { draftOf, Drafts, LATEST_MS, QUIET_MS } from "./drafts";

/** A core that keeps a draft when it is told to, and shows it later. */
function desk() {
  const told: (DraftView | null)[] = [];
  const answers: (() => void)[] = [];
  const drafts = new Drafts({
    act: (command: Command) => {
      if (typeof command === "object" && "set_draft" in command) told.push(command.set_draft.draft);
      return new Promise((done) => { answers.push(() => { done([]); }); });
    },
  });
  const shows = (draft: DraftView | null) => ({ conversation: 1, draft });
  const answer = async (): Promise<void> => {
    answers.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { told, drafts, shows, answer };
}

const text = (of: string): DraftView => ({ text: of });

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

describe("a draft", () => {
  it("is told once the keys are quiet", () => {
    const { drafts, told, shows } = desk();
    drafts.set(shows(null), text("H"));
    vi.advanceTimersByTime(QUIET_MS - 1);
    drafts.set(shows(null), text("He"));
    vi.advanceTimersByTime(QUIET_MS - 1);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([text("He")]);
  });

  it("is told now and then while the keys do not rest", () => {
    const { drafts, told, shows } = desk();
    const pace = QUIET_MS / 2;
    const keys = (3 * LATEST_MS) / pace;
    let seen: DraftView | null = null;
    for (let n = 1; n <= keys; n += 1) {
      drafts.set(shows(seen), text("a".repeat(n)));
      vi.advanceTimersByTime(pace);
      seen = told.at(-1) ?? null;
      // What is written is never further ahead of what was told.
      expect(n - (seen?.text.length ?? 0)).toBeLessThanOrEqual(LATEST_MS / pace + 1);
    }
    expect(told.length).toBeLessThanOrEqual(4);
    vi.advanceTimersByTime(QUIET_MS);
    expect(told.at(-1)).toEqual(text("a".repeat(keys)));
  });

  it("is told at once when one leaves, and not again", () => {
    const { drafts, told, shows } = desk();
    drafts.set(shows(null), text("He"));
    drafts.keep(1);
    drafts.keepAll();
    vi.advanceTimersByTime(QUIET_MS);
    expect(told).toEqual([text("He")]);
  });

  it("stands before what the core still shows, until the core shows it or something newer", async () => {
    const { drafts, shows, answer } = desk();
    drafts.set(shows(null), text("A"));
    drafts.keep(1);
    expect(drafts.of(shows(null))).toEqual(text("A"));
    drafts.set(shows(null), text("AB"));
    drafts.keep(1);
    await answer();
    await answer();
    // It was stored; what is shown may be late.
    expect(drafts.of(shows(null))).toEqual(text("AB"));
    expect(drafts.of(shows(text("A")))).toEqual(text("AB"));
    expect(drafts.of(shows(text("AB")))).toEqual(text("AB"));
    // Another tab goes on with it.
    expect(drafts.of(shows(text("ABC")))).toEqual(text("ABC"));
  });

  it("that was sent is gone, also where the core still shows it", async () => {
    const { drafts, told, shows, answer } = desk();
    drafts.set(shows(text("A")), null);
    drafts.keep(1);
    expect(told).toEqual([null]);
    expect(drafts.of(shows(text("A")))).toBeNull();
    await answer();
    expect(drafts.of(shows(text("A")))).toBeNull();
    expect(drafts.of(shows(null))).toBeNull();
  });

  it("that the core never heard of costs it nothing", () => {
    const { drafts, told, shows } = desk();
    drafts.set(shows(null), text("A"));
    drafts.set(shows(null), null);
    drafts.keep(1);
    vi.advanceTimersByTime(QUIET_MS);
    expect(told).toEqual([]);
  });

  it("is told of when it begins and ends, and not with every letter", () => {
    const { drafts, shows } = desk();
    let heard = 0;
    drafts.listen(() => { heard += 1; });
    drafts.set(shows(null), text("A"));
    drafts.set(shows(null), text("AB"));
    expect(heard).toBe(1);
    drafts.set(shows(null), null);
    expect(heard).toBe(2);
  });

  it("has what it answers", () => {
    expect(draftOf("", undefined)).toBeNull();
    expect(draftOf("", "m")).toEqual({ text: "", quote: "m" });
    expect(draftOf("A", "m")).toEqual({ text: "A", quote: "m" });
    const { drafts, told, shows } = desk();
    drafts.set(shows(text("A")), draftOf("A", "m"));
    drafts.keep(1);
    expect(told).toEqual([{ text: "A", quote: "m" }]);
  });
});
