import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Command, ContactView, ConversationView, Event as CoreEvent } from "../../core/types";
import { ofGroup, ofPerson, Photos, photosOf, type Pictured, whoseOf } from "./photos";

/** All that waits is done. */
const turn = (): Promise<void> => new Promise((done) => { setTimeout(done, 0); });

/** A core that fetches pictures when the test says so, and keeps those of `kept`. */
function desk(kept: readonly string[] = []) {
  const asked: { readonly who: string; readonly path: string }[] = [];
  const listeners = new Set<(event: CoreEvent) => void>();
  const photos = new Photos({
    act: (command: Command) => {
      if (typeof command === "object" && "save_photo" in command) asked.push({ who: command.save_photo.address, path: command.save_photo.path });
      return Promise.resolve([]);
    },
    onEvent: (listener) => {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
    kept: (of) => Promise.resolve("person" in of && kept.includes(of.person) ? new Blob(["kept"]) : undefined),
    take: (path) => Promise.resolve(new Blob([path])),
  });
  const comes = async (n: number): Promise<void> => {
    for (const listener of [...listeners]) listener({ event: "transfer", transfer: n, conversation: null, message: null, upload: false, done_bytes: 1, total_bytes: 1, state: "done", path: asked[n]?.path ?? null, failure: null });
    await turn();
  };
  return { photos, asked, comes };
}

const pictured = (whose: string, name: string): Pictured => ({ whose, name, of: { person: whose }, fetch: (path) => ({ save_photo: { address: whose, path } }) });

beforeEach(() => {
  vi.stubGlobal("URL", { createObjectURL: () => `blob:${String(Math.random())}`, revokeObjectURL: () => undefined });
});

describe("a picture", () => {
  it("is fetched when somebody sees where it belongs, and once for all who do", async () => {
    const { photos, asked, comes } = desk();
    photos.know([pictured("ana", "one"), pictured("ben", "two")]);
    expect(asked).toEqual([]);
    photos.want("ana");
    photos.want("ana");
    await turn();
    expect(asked.map((it) => it.who)).toEqual(["ana"]);
    expect(photos.of("ana")).toBeUndefined();
    await comes(0);
    expect(photos.of("ana")).toMatch(/^blob:/);
    expect(photos.of("ben")).toBeUndefined();
  });

  it("that is another one has another name, and is fetched anew", async () => {
    const { photos, asked, comes } = desk();
    photos.know([pictured("ana", "one")]);
    photos.want("ana");
    await turn();
    await comes(0);
    const first = photos.of("ana");
    photos.know([pictured("ana", "two")]);
    await turn();
    expect(asked).toHaveLength(2);
    await comes(1);
    expect(photos.of("ana")).not.toBe(first);
    photos.know([]);
    expect(photos.of("ana")).toBeUndefined();
  });

  it("waits its turn where there are many", async () => {
    const { photos, asked, comes } = desk();
    const all = Array.from({ length: 8 }, (_, n) => pictured(`p${String(n)}`, `n${String(n)}`));
    photos.know(all);
    for (const { whose } of all) photos.want(whose);
    await turn();
    expect(asked).toHaveLength(3);
    await comes(0);
    expect(asked).toHaveLength(4);
  });

  it("that is kept is there without being fetched, also behind many that wait", async () => {
    const { photos, asked } = desk(["p7"]);
    const all = Array.from({ length: 8 }, (_, n) => pictured(`p${String(n)}`, `n${String(n)}`));
    photos.know(all);
    for (const { whose } of all) photos.want(whose);
    await turn();
    expect(photos.of("p7")).toMatch(/^blob:/);
    expect(asked.map((it) => it.who)).toEqual(["p0", "p1", "p2"]);
  });

  it("is known of people, of oneself and of groups that have one", () => {
    const contact = (address: string, photo: string | null): ContactView => ({ address, photo } as ContactView);
    const group = (conversation: number, photo: string | null): ConversationView => ({ conversation, kind: "group", peer: null, group: { photo } } as unknown as ConversationView);
    const found = photosOf(null, [contact("ana", "a"), contact("ben", null)], [group(4, "g"), group(5, null)]);
    expect(found.map((it) => [it.whose, it.name])).toEqual([[ofPerson("ana"), "a"], [ofGroup(4), "g"]]);
    expect(found.map((it) => it.fetch("x"))).toEqual([{ save_photo: { address: "ana", path: "x" } }, { save_group_photo: { conversation: 4, path: "x" } }]);
    expect(whoseOf(group(4, "g"))).toBe(ofGroup(4));
    expect(whoseOf({ kind: "direct", conversation: 1, peer: "ana" })).toBe("ana");
    expect(whoseOf({ kind: "self", conversation: 1, peer: null })).toBeUndefined();
  });
});
