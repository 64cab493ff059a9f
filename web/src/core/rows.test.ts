import { expect, test } from "vitest";
import { applied } from "./rows";

const list = (...rows: [string, number][]) => rows.map(([key, row]) => ({ key, row }));

test("a row that moves leaves, then comes in; rows that stay are the same objects", () => {
  const before = list(["a", 1], ["b", 1], ["c", 1]);
  const after = applied<number>(before, {
    more: false,
    gone: ["c"],
    put: [{ at: 0, key: "c", row: 2 }],
    set: [{ at: 2, key: "b", row: 3 }],
  });
  expect(after).toEqual(list(["c", 2], ["a", 1], ["b", 3]));
  expect(after[1]).toBe(before[0]);
  expect(before).toEqual(list(["a", 1], ["b", 1], ["c", 1]));
});
