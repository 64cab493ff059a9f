import { describe, expect, it } from "vitest";
import { spreadOf, table } from "./figures";

describe("figures", () => {
  it("the median and the 95th of a hundred are values that were measured", () => {
    const values = Array.from({ length: 100 }, (_, n) => 100 - n);
    expect(spreadOf(values)).toEqual({ count: 100, median: 50, p95: 95, max: 100 });
    expect(spreadOf([7])).toEqual({ count: 1, median: 7, p95: 7, max: 7 });
  });

  it("of nothing there is no figure, and the table says so", () => {
    expect(spreadOf([])).toEqual({ count: 0, median: Number.NaN, p95: Number.NaN, max: Number.NaN });
    const lines = table([{ what: "tasks", unit: "ms", asked: "none", values: [] }, { what: "a start", unit: "ms", values: [1234.4, 12.34] }]).split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[2]).toMatch(/^tasks +ms +none +– +– +– +0$/);
    expect(lines[3]).toMatch(/^a start +ms +– +12\.3 +1,234 +1,234 +2$/);
  });
});
