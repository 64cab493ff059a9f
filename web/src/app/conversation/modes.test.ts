import { describe, expect, it } from "vitest";
import { opened } from "./modes";

describe("what one is in the midst of", () => {
  it("has last what was begun last, whatever else is on", () => {
    expect(opened([], ["select"])).toEqual(["select"]);
    expect(opened(["reply"], ["select", "find", "reply"])).toEqual(["reply", "select", "find"]);
    expect(opened(["find", "select"], ["select", "find", "edit"])).toEqual(["find", "select", "edit"]);
  });

  it("forgets what was left, so that it comes last when it is begun again", () => {
    expect(opened(["find", "select"], ["select"])).toEqual(["select"]);
    expect(opened(opened(["find", "select"], ["select"]), ["select", "find"])).toEqual(["select", "find"]);
    expect(opened(["edit"], [])).toEqual([]);
  });
});
