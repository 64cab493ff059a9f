import { describe, expect, it } from "vitest";
import { type Ask, endsOf, isNewest, isSame, LIMIT, newer, NEWEST, older, type Place, placeWith, settled, STEP, without } from "./window";

/** As many as take a window through the longest conversation here. */
const MOVES = Math.ceil(1_003 / STEP);
const HALF = LIMIT / 2;

interface Named {
  readonly message: string;
}

/** A conversation of `count` lines, how many were asked for, and its windows as the core gives them. */
function talk(count: number) {
  const lines: readonly Named[] = Array.from({ length: count }, (_, n) => ({ message: String(n) }));
  const asked: number[] = [];
  const between = (from: { readonly before?: string; readonly after?: string }, limit: number): readonly Named[] => {
    for (const end of [from.before, from.after]) if (end !== undefined && Number.isNaN(Number(end))) throw new Error("not_found");
    if (from.after !== undefined) return lines.slice(Number(from.after) + 1, Number(from.after) + 1 + limit);
    const end = from.before === undefined ? count : Number(from.before);
    return lines.slice(Math.max(0, end - limit), end);
  };
  const read = (place: Place): readonly Named[] => between(endsOf(place), LIMIT);
  const ask: Ask = (from, limit) => {
    asked.push(limit);
    return Promise.resolve().then(() => between(from, limit));
  };
  const shown = (place: Place): readonly [first: string | undefined, last: string | undefined] => [read(place)[0]?.message, read(place).at(-1)?.message];
  /** Where the page is once what it asked for has come. */
  const drawn = async (place: Place): Promise<Place> => settled(place, read(place), ask);
  return { read, ask, asked, shown, drawn };
}

/** Lines that stand in both. */
function common(a: readonly Named[], b: readonly Named[]): number {
  const names = new Set(a.map((line) => line.message));
  return b.filter((line) => names.has(line.message)).length;
}

describe("a window", () => {
  it("moves by a step, and has lines in common with the one before", () => {
    const { read, shown } = talk(1_000);
    const second = older(NEWEST, read(NEWEST));
    expect(shown(NEWEST)).toEqual([String(1_000 - LIMIT), "999"]);
    expect(shown(second)).toEqual([String(1_000 - LIMIT - STEP), String(999 - STEP)]);
    expect(shown(newer(second, read(second)))).toEqual(shown(NEWEST));
  });

  it("comes to the first line and stays there, however often one asks for more", async () => {
    for (const count of [161, 200, 239, 240, 241, 320, 400, 1_000]) {
      const { read, shown, drawn } = talk(count);
      let place: Place = NEWEST;
      for (let n = 0; n < MOVES; n += 1) {
        const next = await drawn(older(place, read(place)));
        expect(common(read(place), read(next))).toBeGreaterThanOrEqual(LIMIT - STEP);
        place = next;
      }
      expect(shown(place)).toEqual(["0", String(LIMIT - 1)]);
      expect(older(place, read(place))).toBe(place);
    }
  });

  it("comes back to the newest, and follows it again", async () => {
    for (const count of [161, 200, 240, 241, 1_000, 1_003]) {
      const { read, drawn } = talk(count);
      let place: Place = NEWEST;
      for (let n = 0; n < MOVES; n += 1) place = await drawn(older(place, read(place)));
      for (let n = 0; n < MOVES && !isNewest(place); n += 1) {
        const next = await drawn(newer(place, read(place)));
        expect(common(read(place), read(next))).toBeGreaterThanOrEqual(LIMIT - STEP);
        expect(isSame(next, place)).toBe(false);
        place = next;
      }
      expect(isNewest(place)).toBe(true);
    }
  });

  it("of a short conversation is all of it", () => {
    const { read } = talk(30);
    expect(older(NEWEST, read(NEWEST))).toBe(NEWEST);
    expect(newer(NEWEST, read(NEWEST))).toBe(NEWEST);
    expect(older(NEWEST, [])).toBe(NEWEST);
  });

  it("whose line vanished shows what was in it, else the newest", () => {
    const { read } = talk(1_000);
    const third = older(older(NEWEST, read(NEWEST)), read(older(NEWEST, read(NEWEST))));
    const first = read(third)[0]?.message ?? "";
    expect(without(third, read(third))).toEqual({ after: first });
    expect(without({ after: first }, read(third))).toEqual(NEWEST);
    expect(without(third, [])).toEqual(NEWEST);
  });
});

describe("a line that one comes to from elsewhere", () => {
  it.each([0, 1, 79, 80, 81, 5_000, 98_765, 99_919, 99_920, 99_999])("%i of 100,000 stands in its window", async (wanted) => {
    const { ask, read, drawn } = talk(100_000);
    const place = await placeWith(String(wanted), ask);
    const lines = read(place);
    const at = lines.findIndex((line) => line.message === String(wanted));
    expect(at).toBeGreaterThanOrEqual(0);
    expect(lines.length).toBe(LIMIT);
    expect(await drawn(place)).toBe(place);
    // With room on both sides, but at the ends of the conversation.
    if (wanted >= HALF) expect(at).toBeGreaterThanOrEqual(HALF - 1);
    if (wanted < 100_000 - HALF) expect(lines.length - at).toBeGreaterThan(HALF);
  });

  it("costs what stands around it, however far back it is", async () => {
    for (const wanted of ["99900", "50000", "3"]) {
      const { ask, asked } = talk(100_000);
      await placeWith(wanted, ask);
      expect(asked.reduce((sum, it) => sum + it, 0)).toBeLessThanOrEqual(2 * LIMIT);
    }
  });

  it("is said to be missing where it is", async () => {
    await expect(placeWith("not here", talk(3_000).ask)).rejects.toThrow("not_found");
  });
});
