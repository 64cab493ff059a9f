import { describe, expect, it, vi } from "vitest";
import { type Core, type CoreEvent, outcome } from "./face";
import { FIRST_HABITS, habitsOf } from "./kept";
import { type TransferView } from "../../core/types";
import { movingOf } from "./files";
import { fitted, previewAddress, previewIn } from "./pictures";
import { isAlike, keptOf } from "./alike";
import { renamed } from "./context";
import { hashOf, type Route, routeOf } from "./route";
import { typed } from "./typing";

describe("where one is", () => {
  const routes: readonly Route[] = [
    { at: "chats" }, { at: "archive" }, { at: "conversation", id: 12 }, { at: "conversation", id: 12, message: "00ff" }, { at: "about", id: 3 }, { at: "group", id: 3, page: "link" },
    { at: "request", address: "ab@talk.example" }, { at: "people" }, { at: "find" }, { at: "newGroup" }, { at: "join" }, { at: "join", link: "comity:group/a-b_9" }, { at: "join", link: "comity:group/a/b#c" },
    { at: "person", address: "ab@talk.example" }, { at: "safety", address: "ab@talk.example" }, { at: "settings" }, { at: "settings", page: "devices" },
  ];

  it.each(routes)("stands in the address: $at", (route) => {
    expect(routeOf(hashOf(route))).toEqual(route);
  });

  it("is home where an address leads nowhere", () => {
    for (const hash of ["", "#", "#c", "#c/x", "#c/1.5", "#nowhere", "#group/1/none", "#person", "#%E0%A4%A"]) expect(routeOf(hash), hash).toEqual({ at: "chats" });
    expect(routeOf("#settings/none")).toEqual({ at: "settings" });
  });

  it("is an invitation, whichever way its address was written", () => {
    for (const hash of ["#join/a-b_9", "#join/comity%3Agroup%2Fa-b_9", "#/join/a-b_9"]) expect(routeOf(hash), hash).toEqual({ at: "join", link: "comity:group/a-b_9" });
    for (const hash of ["#join", "#join/", "#join/%E0%A4%A"]) expect(routeOf(hash), hash).toEqual({ at: "join" });
  });
});

describe("what draws nothing anew", () => {
  it("names are the same object until somebody is called otherwise, comes or goes", () => {
    const all = [{ address: "a", name: "Ana" }, { address: "b", name: "Ben" }];
    const names = renamed(undefined, all);
    expect([...names]).toEqual([["a", "Ana"], ["b", "Ben"]]);
    expect(renamed(names, [...all].reverse())).toBe(names);
    expect(renamed(names, [all[0], { address: "b", name: "Benno" }] as typeof all).get("b")).toBe("Benno");
    expect([...renamed(names, all.slice(0, 1)).keys()]).toEqual(["a"]);
    expect(renamed(names, [...all, { address: "c", name: "" }]).has("c")).toBe(true);
  });

  it("rows that say the same as before are the objects from before, in the order told now", () => {
    const row = (key: string, text: string) => ({ key, row: { text, reactions: [{ emoji: "x" }], seq: null } });
    const before = [row("a", "one"), row("b", "two"), row("c", "three")];
    const now = keptOf(before, [row("b", "two"), row("c", "other"), row("d", "four")]);
    expect(now.map((it) => it.row.text)).toEqual(["two", "other", "four"]);
    expect(now[0]).toBe(before[1]);
    expect(now.map((it) => before.includes(it))).toEqual([true, false, false]);
  });

  it("values are alike only when everything in them is", () => {
    expect(isAlike({ a: [1, { b: null }], c: "" }, { c: "", a: [1, { b: null }] })).toBe(true);
    const others: readonly (readonly [unknown, unknown])[] = [[{ a: 1 }, { a: 2 }], [{ a: 1 }, {}], [{}, { a: undefined }], [{ a: undefined }, { b: 1 }], [[1], { 0: 1 }], [[1, 2], [1]], [null, {}], ["1", 1], [false, null]];
    for (const [a, b] of others) expect(isAlike(a, b)).toBe(false);
  });

  it("who types is the same object while nobody begins or ends", () => {
    const none: ReadonlyMap<number, readonly string[]> = new Map();
    expect(typed(none, 1, "a", false)).toBe(none);
    const one = typed(none, 1, "a", true);
    expect(typed(one, 1, "a", true)).toBe(one);
    expect(typed(one, 2, "a", false)).toBe(one);
    const two = typed(one, 1, "b", true);
    expect([...two]).toEqual([[1, ["a", "b"]]]);
    expect([...typed(two, 1, "a", false)]).toEqual([[1, ["b"]]]);
    expect([...typed(one, 1, "a", false)]).toEqual([]);
  });
});

describe("habits", () => {
  it("are read with suspicion", () => {
    expect(habitsOf(null)).toEqual(FIRST_HABITS);
    expect(habitsOf("{broken")).toEqual(FIRST_HABITS);
    expect(habitsOf("[1]")).toEqual(FIRST_HABITS);
    expect(habitsOf('{"theme":"pink","listWidth":-4,"language":"fr","recentEmoji":[1,"🙂"]}')).toEqual({ ...FIRST_HABITS, recentEmoji: ["🙂"] });
  });

  it("that fit are taken", () => {
    const kept = { ...FIRST_HABITS, theme: "dark" as const, language: "ar" as const, listWidth: 300, notifies: true };
    expect(habitsOf(JSON.stringify(kept))).toEqual(kept);
  });
});

describe("an act's outcome", () => {
  function core(told: readonly CoreEvent[] | Error): { it: Core; tell: (event: CoreEvent) => void; listeners: Set<(event: CoreEvent) => void> } {
    const listeners = new Set<(event: CoreEvent) => void>();
    const it = {
      onEvent: (listener: (event: CoreEvent) => void) => {
        listeners.add(listener);
        return () => { listeners.delete(listener); };
      },
      act: () => (told instanceof Error ? Promise.reject(told) : Promise.resolve(told)),
    } as unknown as Core;
    return { it, listeners, tell: (event) => { for (const listener of [...listeners]) listener(event); } };
  }
  const phrase = (event: CoreEvent): string | undefined => (event.event === "recovery_phrase" ? event.phrase : undefined);
  const failed = (act: string): CoreEvent => ({ event: "failed", act, code: "unreachable", message: "", retry_after_ms: 0 });

  it("is found in its answer, or later", async () => {
    const now = core([{ event: "recovery_phrase", phrase: "one two" }]);
    expect(await outcome(now.it, "make_recovery_phrase", [], phrase)).toBe("one two");
    expect(now.listeners.size).toBe(0);
    const later = core([]);
    const waits = outcome(later.it, "make_recovery_phrase", [], phrase);
    later.tell({ event: "online" });
    later.tell({ event: "recovery_phrase", phrase: "three" });
    expect(await waits).toBe("three");
  });

  it("is a refusal, a failure of its own acts, or silence", async () => {
    await expect(outcome(core(Object.assign(new Error("no"), { code: "not_now" })).it, "make_recovery_phrase", [], phrase)).rejects.toMatchObject({ code: "not_now" });
    const other = core([]);
    const waits = outcome(other.it, "make_recovery_phrase", ["recovery"], phrase);
    other.tell(failed("profile"));
    other.tell(failed("recovery"));
    await expect(waits).rejects.toMatchObject({ code: "unreachable" });
    vi.useFakeTimers();
    const silent = expect(outcome(core([]).it, "make_recovery_phrase", [], phrase, 50)).rejects.toMatchObject({ code: "timeout" });
    await vi.advanceTimersByTimeAsync(60);
    await silent;
    vi.useRealTimers();
  });
});

describe("pictures", () => {
  it("fit into a square, and never grow", () => {
    expect(fitted(4000, 3000, 2048)).toEqual({ width: 2048, height: 1536 });
    expect(fitted(640, 480, 2048)).toEqual({ width: 640, height: 480 });
    expect(fitted(10_000, 2, 24)).toEqual({ width: 24, height: 1 });
  });

  it("have previews that are small enough, and addresses of nothing else", () => {
    expect(previewIn("data:image/jpeg;base64,/9j+/A==")).toBe("_9j-_A");
    expect(previewIn(`data:image/jpeg;base64,${"A".repeat(5_464)}`)).toBeNull();
    expect(previewIn(`data:image/jpeg;base64,${"A".repeat(5_460)}`)).toHaveLength(5_460);
    expect(previewIn("data:image/png;base64,AAAA")).toBeNull();
    expect(previewAddress("_9j-_A")).toBe("data:image/jpeg;base64,/9j+/A");
    for (const preview of ["", "a b", "x\" onload=", "AA=="]) expect(previewAddress(preview), preview).toBeUndefined();
  });
});

describe("a file on its way", () => {
  const row = (transfer: number, more: Partial<TransferView> = {}): TransferView => ({ transfer, conversation: 1, message: "m", upload: true, done_bytes: 0, total_bytes: 9, state: "waiting", path: null, failure: null, ...more });

  it("is the transfer of its message that still moves", () => {
    expect(movingOf([row(1, { state: "failed" }), row(2), row(3, { message: "n" }), row(4, { conversation: 2 })], 1, "m")?.transfer).toBe(2);
    expect(movingOf([row(1, { state: "done" })], 1, "m")).toBeUndefined();
  });
});
