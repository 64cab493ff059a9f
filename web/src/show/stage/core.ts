/**
 * A core over the invented world, for the page of the app's screens.
 *
 * Always holds: it has the face of the real one, and answers as that does, at once. Deliberately
 * absent: everything behind that face; nothing is sealed, kept or sent.
 */
import type { Answers, AskOf, Command, Core, CoreEvent, CoreState, Failure, Keyed, Line, ListView, SnapshotView, Storage, View, ViewOf, Views } from "../../app/state/face";
import type { AccountView, Ask, ConversationView, LinkView } from "../../core/types";
import type { Language } from "../../ui/words/format";
import { NOW_MS } from "../samples";
import { acts } from "./acts";
import { type Chat, lastOf, lineOf, type World, worldIn } from "./world";

export type Scene = "home" | "fresh" | "starting" | "failed" | "ended" | "offline" | "empty" | "loose" | "arriving" | "update";
export const SCENES: readonly Scene[] = ["home", "fresh", "starting", "failed", "ended", "offline", "empty", "loose", "arriving", "update"];

/** Conversations that are told at once. */
const FIRST = 4;

interface Watch {
  readonly show: () => void;
}

const refusal = (code: string): Error => Object.assign(new Error(code), { code });

export class StageCore implements Core {
  account: AccountView | null;
  world: World;
  readonly chats = new Map<number, Chat>();
  readonly files = new Map<string, Blob>();
  readonly #rows = new WeakMap<object, Keyed<unknown>>();
  readonly #watches = new Set<Watch>();
  readonly #events = new Set<(event: CoreEvent) => void>();
  readonly #state: CoreState;

  constructor(readonly language: Language, readonly scene: Scene, readonly code = "store_in_use", long = 100_000, unread = 0) {
    this.world = worldIn(language, long, scene === "home");
    this.account = scene === "fresh" || scene === "ended" ? null : this.world.account;
    // Notes to self are there from the first moment on.
    if (scene === "empty") this.world = { ...this.world, chats: this.world.chats.filter(({ view }) => view.kind === "self"), contacts: [], requests: [] };
    for (const chat of this.world.chats) this.chats.set(chat.view.conversation, chat);
    // Of the long one, which has none by itself.
    const longest = this.chats.get(2);
    if (longest !== undefined && unread > 0) this.chats.set(2, { ...longest, view: { ...longest.view, unread } });
    this.#state = scene === "starting" ? { is: "starting" } : scene === "failed" ? { is: "failed", failure: { code, message: "as the page asks" } } : { is: "ready" };
  }

  onState(listener: (state: CoreState) => void): () => void {
    listener(this.#state);
    return () => undefined;
  }

  onEvent(listener: (event: CoreEvent) => void): () => void {
    this.#events.add(listener);
    if (this.scene === "arriving") setTimeout(() => { listener({ event: "history_progress", done: 3, total: 8 }); }, 0);
    if (this.scene === "home") setTimeout(() => { listener({ event: "typing", conversation: 5, address: this.chats.get(5)?.view.peer ?? "", typing: true }); }, 0);
    return () => { this.#events.delete(listener); };
  }

  onStorage(listener: (storage: Storage) => void): () => void {
    listener({ persisted: this.#persists() });
    return () => undefined;
  }

  /** Says it to everybody, later, as a worker does. */
  tell(...events: readonly CoreEvent[]): void {
    setTimeout(() => {
      for (const event of events) for (const listener of [...this.#events]) listener(event);
    }, 0);
  }

  ask<K extends keyof Answers>(ask: AskOf<K>): Promise<Answers[K]> {
    return Promise.resolve().then(() => this.#answer(ask as Ask) as Answers[K]);
  }

  act(command: Command): Promise<Answers["do"]> {
    return Promise.resolve().then(() => {
      const events = acts(this, command);
      this.changed();
      return [...events];
    });
  }

  #answer(ask: Ask): unknown {
    if (ask === "account") return this.account;
    if (ask === "names") return [...this.world.names].map(([address, name]) => ({ address, name }));
    if (ask === "code_ordered") return null;
    if (ask === "unsent") return 0;
    if ("members" in ask) return this.chats.get(ask.members)?.members ?? [];
    if ("mentionable" in ask) return (this.chats.get(ask.mentionable)?.members ?? []).filter((it) => !it.own).map(({ address, name }) => ({ address, name }));
    if ("timeline" in ask) return this.#lines(ask.timeline);
    if ("item" in ask) return this.chats.get(ask.item.conversation)?.lines.find((line) => line.message === ask.item.message) ?? null;
    if ("groups_with" in ask) return [...this.chats.values()].filter(({ view, members }) => view.kind === "group" && view.state === "active" && members.some((it) => it.address === ask.groups_with)).map(({ view }) => view.conversation);
    if ("info" in ask) return this.#info(ask.info.conversation, ask.info.message);
    if ("search" in ask) return this.#search(ask.search.query, ask.search.limit);
    if ("contact" in ask) return this.world.contacts.find((it) => it.address === ask.contact) ?? null;
    throw refusal("malformed");
  }

  #lines({ conversation, before, after, limit }: { conversation: number; before?: string; after?: string; limit: number }): readonly Line[] {
    const lines = this.chats.get(conversation)?.lines ?? [];
    if (after !== undefined) {
      const from = lines.findIndex((line) => line.message === after) + 1;
      if (from === 0) throw refusal("not_found");
      return lines.slice(from, from + limit);
    }
    const end = before === undefined ? lines.length : lines.findIndex((line) => line.message === before);
    if (end < 0) throw refusal("not_found");
    return lines.slice(Math.max(0, end - limit), end);
  }

  #info(conversation: number, message: string): Answers["info"] {
    const chat = this.chats.get(conversation);
    const item = chat?.lines.find((line) => line.message === message);
    if (chat === undefined || item === undefined) throw refusal("not_found");
    const people = (chat.view.peer === null ? chat.members.filter((it) => !it.own).map((it) => it.address) : [chat.view.peer]);
    return { conversation, item, people: people.map((address, n) => ({ address, delivered: n < 4, read: n < 2 })), people_known: true };
  }

  #search(query: string, limit: number): Answers["search"] {
    const wanted = query.trim().toLocaleLowerCase();
    const found: Answers["search"] = [];
    for (const { view, lines } of this.chats.values()) {
      for (let n = lines.length - 1; n >= 0 && n > lines.length - 3_000 && found.length < limit; n -= 1) {
        const line = lines[n];
        if (line !== undefined && line.kind !== "notice" && !line.deleted && line.text.toLocaleLowerCase().includes(wanted)) found.push({ conversation: view.conversation, item: line });
      }
    }
    return found.sort((a, b) => b.item.at_ms - a.item.at_ms);
  }

  snapshot<K extends SnapshotView>(view: ViewOf<K>, show: (value: Views[K]) => void): () => void {
    let was: unknown;
    const link: LinkView = { online: this.scene !== "offline", wanted: true, retry_ms: this.scene === "offline" ? NOW_MS + 180_000 : null, ended: this.scene === "ended" ? this.code : null };
    return this.#watch(() => {
      const now = view === "account" ? this.account : link;
      if (now === was) return;
      was = now;
      show(now as Views[K]);
    });
  }

  list<K extends ListView>(view: ViewOf<K>, show: (rows: readonly Keyed<Views[K]>[], more: boolean) => void, refused?: (failure: Failure) => void): () => void {
    // As the real one tells a long list: some at once, and all with the next turn.
    let begins = view === "conversations";
    return this.#watch(() => {
      try {
        const rows = this.#listed(view as Exclude<View, SnapshotView>) as readonly Keyed<Views[K]>[];
        if (begins) setTimeout(() => { this.changed(); }, 0);
        show(begins ? rows.slice(0, FIRST) : rows, begins);
        begins = false;
      } catch {
        refused?.({ code: "not_found", message: "no such line" });
      }
    });
  }

  #listed(view: Exclude<View, SnapshotView>): readonly Keyed<unknown>[] {
    if (view === "conversations") return [...this.chats.values()].map(({ view: it }) => this.#keyed(String(it.conversation), it));
    if (view === "contacts") return this.world.contacts.map((it) => this.#keyed(it.address, it));
    if (view === "requests") return this.world.requests.map((it) => this.#keyed(it.address, it));
    if (view === "transfers") return this.world.transfers.map((it) => this.#keyed(String(it.transfer), it));
    return this.#lines(view.timeline).map((it) => this.#keyed(it.message, it));
  }

  #keyed(key: string, row: object): Keyed<unknown> {
    const had = this.#rows.get(row) ?? { key, row };
    this.#rows.set(row, had);
    return had;
  }

  #watch(show: () => void): () => void {
    const watch = { show };
    this.#watches.add(watch);
    setTimeout(() => { if (this.#watches.has(watch)) show(); }, 0);
    return () => { this.#watches.delete(watch); };
  }

  changed(): void {
    for (const { show } of [...this.#watches]) show();
  }

  /** The conversation with other lines, or another view. */
  put(conversation: number, lines: readonly Line[], more: Partial<ConversationView> = {}): void {
    const chat = this.chats.get(conversation);
    if (chat === undefined) throw refusal("not_found");
    const last_ms = lines.at(-1)?.at_ms ?? chat.view.last_ms;
    this.chats.set(conversation, { ...chat, lines, view: { ...chat.view, last_ms, ...lastOf(lines), ...more } });
  }

  /** One more line at the end. */
  say(conversation: number, given: Parameters<typeof lineOf>[0]): Line {
    const line = lineOf(given);
    this.put(conversation, [...(this.chats.get(conversation)?.lines ?? []), line]);
    return line;
  }

  give(file: Blob): Promise<string> {
    const name = crypto.randomUUID();
    this.files.set(name, file);
    return Promise.resolve(name);
  }

  take(name: string): Promise<Blob | undefined> {
    return Promise.resolve(this.files.get(name));
  }

  /** An invented world keeps nothing: all of it is fetched. */
  kept(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** A file of the world's, under the name that an act gave; of a message, where one is said. */
  fetch(path: string, file: Blob, of: { readonly conversation: number; readonly message: string } | null = null): void {
    this.files.set(path, file);
    this.tell({ event: "transfer", transfer: 1, conversation: of?.conversation ?? null, message: of?.message ?? null, upload: false, done_bytes: 1, total_bytes: 1, state: "done", path, failure: null });
  }

  tryNow(): void {
    this.changed();
  }

  /** A browser promises nothing to a page that it does not know. */
  #persists(): boolean {
    return this.scene !== "loose" && this.scene !== "empty";
  }

  persist(): Promise<boolean> {
    return Promise.resolve(this.#persists());
  }
}

export { refusal };
