/**
 * What is being written, on its way to the core, which keeps it.
 *
 * Always holds: what was written here stands before what the core still shows; the core is told a
 * moment after the last key, now and then while the keys do not rest, and at once when one leaves. Deliberately absent:
 * waiting for the core, and a store of its own.
 */
import type { ConversationView, DraftView } from "../../core/types";
import type { Core } from "./face";

/** So long after the last key the core is told. */
export const QUIET_MS = 400;
/** No later than so long after the first key that it was not told of. */
export const LATEST_MS = 2_000;

type Draft = DraftView | null;

interface Written {
  readonly draft: Draft;
  /** What the core may still show instead: what it showed, and what it was told before. */
  readonly older: readonly Draft[];
  /** The core was told. */
  told: boolean;
  /** The core has it. */
  kept: boolean;
  /** When the first of it was written that the core was not told. */
  readonly since: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export function sameDraft(a: Draft, b: Draft): boolean {
  return a === b || (a !== null && b !== null && a.text === b.text && a.quote === b.quote);
}

/** A draft of what is written and what it answers; null where there is nothing of it. */
export function draftOf(text: string, quote: string | undefined): Draft {
  return text === "" && quote === undefined ? null : { text, ...(quote !== undefined && { quote }) };
}

type Seen = Pick<ConversationView, "conversation" | "draft">;

export class Drafts {
  readonly #written = new Map<number, Written>();
  readonly #listeners = new Set<() => void>();
  #version = 0;

  constructor(readonly core: Pick<Core, "act">) {}

  /** The draft of a conversation: what was written here, until the core shows it or something newer. */
  of({ conversation, draft }: Seen): Draft {
    const it = this.#written.get(conversation);
    if (it === undefined) return draft;
    if (!it.kept || it.older.some((old) => sameDraft(old, draft))) return it.draft;
    this.#written.delete(conversation);
    return draft;
  }

  /** What stands there now. */
  set(view: Seen, draft: Draft): void {
    const { conversation } = view;
    const shown = this.of(view);
    if (sameDraft(shown, draft)) return;
    const was = this.#written.get(conversation);
    clearTimeout(was?.timer);
    const since = was === undefined || was.told ? Date.now() : was.since;
    const wait = Math.max(0, Math.min(QUIET_MS, since + LATEST_MS - Date.now()));
    const older = [...(was?.older ?? []), view.draft, ...(was?.told === true ? [was.draft] : [])].filter((old) => !sameDraft(old, draft));
    this.#written.set(conversation, { draft, older, told: false, kept: false, since, timer: setTimeout(() => { this.keep(conversation); }, wait) });
    // Those who list drafts hear that one begins or ends, and not of every letter.
    if ((shown === null) !== (draft === null)) this.#tell();
  }

  /** Tells the core at once what it was not told yet. */
  keep(conversation: number): void {
    const it = this.#written.get(conversation);
    if (it === undefined || it.told) return;
    clearTimeout(it.timer);
    if (it.older.length === 0) {
      // It was never told anything else.
      this.#written.delete(conversation);
      return;
    }
    it.told = true;
    const done = (): void => {
      it.kept = true;
      this.#tell();
    };
    // Refused, as too long a text is, it stays for as long as the page does.
    this.core.act({ set_draft: { conversation, draft: it.draft } }).then(done, () => undefined);
    this.#tell();
  }

  keepAll = (): void => {
    for (const conversation of [...this.#written.keys()]) this.keep(conversation);
  };

  /** Nothing of an account stays when it goes. */
  forget(): void {
    for (const { timer } of this.#written.values()) clearTimeout(timer);
    this.#written.clear();
    this.#tell();
  }

  version = (): number => this.#version;

  listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  };

  #tell(): void {
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }
}
