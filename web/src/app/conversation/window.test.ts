import { describe, expect, it } from "vitest";
import { endOf, LIMIT, newer, NEWEST, older, type Place, placeWith, STEP, without } from "./window";

interface Named {
  readonly message: string;
}

/** A conversation of `count` lines, and how many were asked for. */
function talk(count: number) {
  const lines: readonly Named[] = Array.from({ length: count }, (_, n) => ({ message: String(n) }));
  const asked: number[] = [];
  const read = (before: string | undefined, limit: number): readonly Named[] => {
    const end = before === undefined ? count : Number(before);
    return lines.slice(Math.max(0, end - limit), end);
  };
  const ask = (before: string | undefined, limit: number): Promise<readonly Named[]> => {
    asked.push(limit);
    return Promise.resolve(read(before, limit));
  };
  const shown = (place: Place): readonly [first: string | undefined, last: string | undefined] => {
    const at = read(endOf(place), LIMIT);
    return [at[0]?.message, at.at(-1)?.message];
  };
  return { read, ask, asked, shown };
}

describe("a window", () => {
  it("moves by a step, and has lines in common with the one before", () => {
    const { read, shown } = talk(1_000);
    const second = older(NEWEST, read(undefined, LIMIT));
    expect(shown(NEWEST)).toEqual([String(1_000 - LIMIT), "999"]);
    expect(shown(second)).toEqual([String(1_000 - LIMIT - STEP), String(999 - STEP)]);
    expect(newer(second)).toMatchObject({ at: 0 });
    expect(shown(newer(second))).toEqual(shown(NEWEST));
  });

  it("comes to the first line and stays there", () => {
    const { read, shown } = talk(400);
    let place: Place = NEWEST;
    for (let n = 0; n < 20; n += 1) place = older(place, read(endOf(place), LIMIT));
    expect(shown(place)[0]).toBe("0");
    expect(older(place, read(endOf(place), LIMIT))).toBe(place);
  });

  it("goes the same way back, without asking for what it passed", () => {
    const { read } = talk(2_000);
    let place: Place = NEWEST;
    for (let n = 0; n < 10; n += 1) place = older(place, read(endOf(place), LIMIT));
    expect(place.at).toBe(10);
    for (let n = 0; n < 10; n += 1) place = newer(place);
    expect(endOf(place)).toBeUndefined();
    expect(older(place, []).ends).toBe(place.ends);
  });

  it("whose end vanished goes to the next nearer one", () => {
    const { read } = talk(1_000);
    const second = older(NEWEST, read(undefined, LIMIT));
    const third = older(second, read(endOf(second), LIMIT));
    expect(without(third)).toEqual(second);
    expect(without(NEWEST)).toEqual(NEWEST);
  });
});

describe("a line that one comes to from elsewhere", () => {
  it.each([0, 1, 79, 80, 5_000, 98_765, 99_999])("%i of 100,000 stands in its window", async (wanted) => {
    const { ask, read } = talk(100_000);
    const place = await placeWith(String(wanted), ask);
    if (place === null) throw new Error("not found");
    const lines = read(endOf(place), LIMIT);
    const at = lines.findIndex((line) => line.message === String(wanted));
    expect(at).toBeGreaterThanOrEqual(0);
    // With room on both sides, but at the ends of the conversation.
    if (wanted > LIMIT) expect(at).toBeGreaterThan(0);
    if (wanted < 100_000 - LIMIT) expect(lines.length - at).toBeGreaterThan(STEP / 4);
  });

  it("costs one page where it is near, and none is asked twice", async () => {
    const { ask, asked } = talk(100_000);
    await placeWith("99900", ask);
    expect(asked.length).toBe(1);
  });

  it("is said to be missing where it is", async () => {
    const { ask } = talk(3_000);
    expect(await placeWith("not here", ask)).toBeNull();
    expect(await placeWith("0", talk(0).ask)).toBeNull();
  });
});
