/**
 * Pictures of people and groups, by the name that the core gives each.
 *
 * Always holds: a picture that is kept is read back, without waiting for those that are not; of these, only what
 * somebody sees is fetched, once for the page, a few at a time, and another one when its name changes; at most
 * `HELD_MAX` are held. Deliberately absent: initials, which stand there until it is.
 */
import type { AccountView, Address, Command, ContactView, ConversationView, FileOf } from "../../core/types";
import { type Core, outcome } from "./face";

const HELD_MAX = 500;
const AT_ONCE = 3;
/** A picture waits for a connection as any file does. */
const WAITS_MS = 600_000;

/** A picture that there is. */
export interface Pictured {
  readonly whose: string;
  /** Another picture has another name. */
  readonly name: string;
  readonly of: FileOf;
  readonly fetch: (path: string) => Command;
}

export const ofPerson = (address: Address): string => address;
export const ofGroup = (conversation: number): string => `group ${String(conversation)}`;

/** All pictures that the core knows of. */
export function photosOf(account: AccountView | null, contacts: readonly ContactView[], conversations: readonly ConversationView[]): readonly Pictured[] {
  const people = [...(account === null ? [] : [account]), ...contacts].flatMap(({ address, photo }) => (photo === null ? [] : [{ whose: ofPerson(address), name: photo, of: { person: address }, fetch: (path: string): Command => ({ save_photo: { address, path } }) }]));
  const groups = conversations.flatMap(({ conversation, group }) => (group?.photo == null ? [] : [{ whose: ofGroup(conversation), name: group.photo, of: { group: conversation }, fetch: (path: string): Command => ({ save_group_photo: { conversation, path } }) }]));
  return [...people, ...groups];
}

/** Whose picture stands for a conversation. */
export function whoseOf(view: Pick<ConversationView, "kind" | "conversation" | "peer">): string | undefined {
  return view.kind === "group" ? ofGroup(view.conversation) : view.peer === null ? undefined : ofPerson(view.peer);
}

export class Photos {
  #known: ReadonlyMap<string, Pictured> = new Map();
  /** Addresses by the picture's name; null while it is fetched, and after that did not work. */
  readonly #urls = new Map<string, string | null>();
  readonly #wanted = new Map<string, number>();
  readonly #waiting: Pictured[] = [];
  readonly #listeners = new Set<() => void>();
  #under = 0;

  constructor(readonly core: Pick<Core, "act" | "kept" | "onEvent" | "take">) {}

  /** All pictures that there are now. */
  know(all: readonly Pictured[]): void {
    this.#known = new Map(all.map((it) => [it.whose, it]));
    for (const whose of this.#wanted.keys()) this.#fetch(whose);
    this.#tell();
  }

  /** Somebody sees where it belongs; what is returned ends that. */
  want(whose: string): () => void {
    this.#wanted.set(whose, (this.#wanted.get(whose) ?? 0) + 1);
    this.#fetch(whose);
    return () => {
      const left = (this.#wanted.get(whose) ?? 1) - 1;
      if (left > 0) this.#wanted.set(whose, left);
      else this.#wanted.delete(whose);
    };
  }

  of(whose: string): string | undefined {
    const known = this.#known.get(whose);
    return known === undefined ? undefined : (this.#urls.get(known.name) ?? undefined);
  }

  listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  };

  #fetch(whose: string): void {
    const known = this.#known.get(whose);
    if (known === undefined || this.#urls.has(known.name)) return;
    this.#urls.set(known.name, null);
    void this.#readBack(known);
  }

  async #readBack(known: Pictured): Promise<void> {
    const blob = await this.core.kept(known.of).catch(() => undefined);
    if (blob !== undefined) {
      this.#has(known.name, blob);
      return;
    }
    this.#waiting.push(known);
    this.#next();
  }

  #has(name: string, blob: Blob): void {
    this.#urls.set(name, URL.createObjectURL(blob));
    this.#forget();
    this.#tell();
  }

  #next(): void {
    if (this.#under >= AT_ONCE) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#under += 1;
    void this.#take(next).finally(() => {
      this.#under -= 1;
      this.#next();
    });
  }

  async #take({ name, fetch }: Pictured): Promise<void> {
    const path = crypto.randomUUID();
    try {
      await outcome(this.core, fetch(path), [], (event) => (event.event === "transfer" && event.path === path && event.state !== "running" ? true : undefined), WAITS_MS);
      const blob = await this.core.take(path);
      if (blob !== undefined) this.#has(name, blob);
    } catch {
      // Refused, as one that went meanwhile is: the initials stay.
    }
  }

  /** The oldest that nobody sees go. */
  #forget(): void {
    const seen = new Set([...this.#wanted.keys()].map((whose) => this.#known.get(whose)?.name));
    for (const [name, url] of this.#urls) {
      if (this.#urls.size <= HELD_MAX) break;
      if (url === null || seen.has(name)) continue;
      URL.revokeObjectURL(url);
      this.#urls.delete(name);
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
