import { describe, expect, it } from "vitest";
import { place } from "./place";

const room = { width: 400, height: 800 };
const menu = { width: 200, height: 300 };
const wish = { side: "below", align: "start", rtl: false } as const;

describe("a float", () => {
  it("lies below what it belongs to, along its start", () => {
    const anchor = { left: 100, top: 100, width: 40, height: 40 };
    expect(place(anchor, menu, room, wish)).toEqual({ left: 100, top: 146 });
    expect(place({ ...anchor, left: 300 }, menu, room, { ...wish, rtl: true })).toEqual({ left: 140, top: 146 });
    expect(place({ ...anchor, left: 180 }, menu, room, { ...wish, align: "center" }).left).toBe(100);
  });

  it("goes to the other side where only that has room", () => {
    expect(place({ left: 100, top: 700, width: 40, height: 40 }, menu, room, wish).top).toBe(394);
    expect(place({ left: 100, top: 20, width: 40, height: 40 }, menu, room, { ...wish, side: "above" }).top).toBe(66);
  });

  it("stays within the window", () => {
    expect(place({ left: 380, top: 100, width: 40, height: 40 }, menu, room, wish).left).toBe(192);
    expect(place({ left: -20, top: 100, width: 40, height: 40 }, menu, room, wish).left).toBe(8);
    expect(place({ left: 0, top: 100, width: 40, height: 40 }, { width: 390, height: 900 }, room, wish)).toEqual({ left: 8, top: 8 });
  });
});
