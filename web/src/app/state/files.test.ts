import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Event as CoreEvent, FileOf, TimelineItem } from "../../core/types";
import { heldOf, OTHERS_FIRST_MS, readBack, takeFiles } from "./files";

type Told = Extract<CoreEvent, { event: "transfer" }>;

/** A core from which each file can be taken once. */
function desk() {
  let heard: (event: CoreEvent) => void = () => undefined;
  const made = new Map<string, Blob>();
  const end = takeFiles({
    onEvent: (listener) => {
      heard = listener;
      return () => { heard = () => undefined; };
    },
    take: (path) => {
      const blob = made.get(path);
      made.delete(path);
      return Promise.resolve(blob);
    },
  });
  const comes = (message: string | null, path: string, more: Partial<Told> = {}): void => {
    made.set(path, new Blob([path]));
    heard({ event: "transfer", transfer: 1, conversation: 1, message, upload: false, done_bytes: 1, total_bytes: 1, state: "done", path, failure: null, ...more });
  };
  return { made, comes, end, tell: (event: CoreEvent) => { heard(event); } };
}

/** A core that keeps these files, by their message. */
function keeps(kept: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const core = {
    kept: (of: FileOf) => {
      const message = typeof of === "object" && "message" in of ? of.message.message : "";
      asked.push(message);
      const text = kept[message];
      return text === undefined ? Promise.resolve(undefined) : Promise.resolve(new Blob([text]));
    },
  };
  return { core, asked };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("URL", { createObjectURL: () => "blob:one", revokeObjectURL: () => undefined });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a file that another page began to fetch", () => {
  it("is here once it came, and lies nowhere else", async () => {
    const { comes, made } = desk();
    comes("m1", "of a page that is gone");
    await vi.advanceTimersByTimeAsync(OTHERS_FIRST_MS);
    expect(await heldOf("m1")?.blob.text()).toBe("of a page that is gone");
    expect(made.size).toBe(0);
  });

  it("is the other page's where that one lives", async () => {
    const { comes, made } = desk();
    comes("m2", "of another tab");
    await vi.advanceTimersByTimeAsync(OTHERS_FIRST_MS - 1);
    expect(made.delete("of another tab")).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(heldOf("m2")).toBeUndefined();
  });

  it("is no picture of a profile, nothing that goes up, and nothing that failed", async () => {
    const { comes, made, end } = desk();
    comes(null, "a picture");
    comes("m3", "up", { upload: true });
    comes("m3", "failed", { state: "failed" });
    comes("m3", "on its way", { state: "running" });
    end();
    comes("m3", "after the end");
    await vi.advanceTimersByTimeAsync(OTHERS_FIRST_MS);
    expect(heldOf("m3")).toBeUndefined();
    expect(made.size).toBe(5);
  });
});

describe("a file that the core keeps", () => {
  it("is read back once, and is held from then on", async () => {
    const { core, asked } = keeps({ k1: "kept" });
    expect(await (await readBack(core, 1, "k1"))?.blob.text()).toBe("kept");
    expect(await readBack(core, 1, "k1")).toBe(heldOf("k1"));
    expect(asked).toEqual(["k1"]);
  });

  it("is not there where the core keeps nothing, or can not be asked", async () => {
    expect(await readBack(keeps({}).core, 1, "k2")).toBeUndefined();
    expect(await readBack({ kept: () => Promise.reject(new Error("stopped")) }, 1, "k2")).toBeUndefined();
    expect(heldOf("k2")).toBeUndefined();
  });

  it("goes from the page with its message: deleted, or disappeared", async () => {
    const { core } = keeps({ k3: "three", k4: "four", k5: "five" });
    for (const message of ["k3", "k4", "k5"]) await readBack(core, 1, message);
    const { tell } = desk();
    const item = (message: string, deleted: boolean) => ({ message, deleted }) as TimelineItem;
    tell({ event: "item_changed", conversation: 1, item: item("k3", true) });
    tell({ event: "item_changed", conversation: 1, item: item("k4", false) });
    tell({ event: "expired", conversation: 1, message: "k5" });
    expect(["k3", "k4", "k5"].map((message) => heldOf(message) !== undefined)).toEqual([false, true, false]);
  });
});
