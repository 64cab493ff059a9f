import { describe, expect, it } from "vitest";
import { directionIn, searchOf, settingsOf } from "./settings";

describe("the page's address", () => {
  it("says what is set, and only that", () => {
    const settings = settingsOf("?theme=dark&language=ar");
    expect(settings).toEqual({ theme: "dark", language: "ar", direction: "own", size: "100", motion: "system" });
    expect(directionIn(settings)).toBe("rtl");
    expect(searchOf(settings)).toBe("?theme=dark&language=ar");
    expect(searchOf(settingsOf(""))).toBe("");
  });

  it("is not believed when it says what there is not", () => {
    expect(settingsOf("?theme=pink&size=9000")).toEqual(settingsOf(""));
  });
});
