import { describe, expect, it } from "vitest";
import { rowAt, stopOf } from "./stops";

const ROWS = ["a", "b", "c"];

describe("a list that is one stop of the keyboard", () => {
  it("is walked by arrows, Home and End, and does not go round", () => {
    expect(["ArrowDown", "ArrowUp", "Home", "End"].map((key) => rowAt(key, 1, 3))).toEqual([2, 0, 0, 2]);
    expect([rowAt("ArrowUp", 0, 3), rowAt("ArrowDown", 2, 3)]).toEqual([0, 2]);
  });

  it("leaves all other keys alone, and goes nowhere from outside", () => {
    expect(["a", " ", "Enter", "Tab", "PageDown"].map((key) => rowAt(key, 1, 3))).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect([rowAt("Home", -1, 3), rowAt("End", 0, 0)]).toEqual([undefined, undefined]);
  });

  it("stops where the focus is, else where it was, else at what is open, else at the first row", () => {
    expect(stopOf(ROWS, { focused: "c", left: "b", open: "a" })).toBe("c");
    expect(stopOf(ROWS, { focused: undefined, left: "b", open: "c" })).toBe("b");
    expect(stopOf(ROWS, { focused: undefined, left: undefined, open: "c" })).toBe("c");
    expect(stopOf(ROWS, { focused: undefined, left: undefined, open: undefined })).toBe("a");
  });

  it("forgets a row that is gone", () => {
    expect(stopOf(ROWS, { focused: undefined, left: "gone", open: "c" })).toBe("c");
    expect(stopOf([], { focused: undefined, left: "gone", open: undefined })).toBeUndefined();
  });
});
