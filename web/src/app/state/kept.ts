/**
 * What this browser keeps of a person's habits, beside the core: pins, archive, mute, marks, look.
 *
 * Always holds: what is stored is read with suspicion, and what does not fit is as if it were not
 * there. Deliberately absent: anything that people wrote. Drafts stay in memory: the core's store is
 * sealed, this one is not.
 */
import type { Language } from "../../ui/words/format";

export type Theme = "system" | "light" | "dark";

/** Conversations are named by their local ids. */
export interface Habits {
  readonly theme: Theme;
  /** As the browser has it, while it is null. */
  readonly language: Language | null;
  readonly pinned: readonly number[];
  readonly archived: readonly number[];
  readonly muted: readonly number[];
  readonly markedUnread: readonly number[];
  readonly recentEmoji: readonly string[];
  /** Pixels. */
  readonly listWidth: number;
  readonly notifies: boolean;
  readonly recoveryOffered: boolean;
}

export const FIRST_HABITS: Habits = {
  theme: "system",
  language: null,
  pinned: [],
  archived: [],
  muted: [],
  markedUnread: [],
  recentEmoji: [],
  listWidth: 360,
  notifies: false,
  recoveryOffered: false,
};

const KEY = "comity-habits";
const RECENT_EMOJI_MAX = 24;

function ids(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.filter((it): it is number => Number.isSafeInteger(it)) : [];
}

/** What `text` says, where it says something that fits. */
export function habitsOf(text: string | null): Habits {
  let read: unknown;
  try {
    read = JSON.parse(text ?? "null");
  } catch {
    return FIRST_HABITS;
  }
  if (typeof read !== "object" || read === null) return FIRST_HABITS;
  const it = read as Partial<Record<keyof Habits, unknown>>;
  return {
    theme: it.theme === "light" || it.theme === "dark" ? it.theme : "system",
    language: it.language === "en" || it.language === "ar" ? it.language : null,
    pinned: ids(it.pinned),
    archived: ids(it.archived),
    muted: ids(it.muted),
    markedUnread: ids(it.markedUnread),
    recentEmoji: Array.isArray(it.recentEmoji) ? it.recentEmoji.filter((one): one is string => typeof one === "string").slice(0, RECENT_EMOJI_MAX) : [],
    listWidth: typeof it.listWidth === "number" && it.listWidth >= 200 && it.listWidth <= 800 ? it.listWidth : FIRST_HABITS.listWidth,
    notifies: it.notifies === true,
    recoveryOffered: it.recoveryOffered === true,
  };
}

/** Where habits are kept: the browser's own, or a page's memory. */
export type Place = Pick<globalThis.Storage, "getItem" | "setItem" | "removeItem">;

/** The habits, for everybody on the page; other tabs' changes are heard. */
export class Kept {
  #now: Habits;
  readonly #listeners = new Set<() => void>();
  readonly #drafts = new Map<number, string>();

  constructor(readonly place: Place, first: Partial<Habits> = {}) {
    this.#now = { ...habitsOf(this.#read()), ...first };
    globalThis.addEventListener("storage", (event) => {
      if (event.key !== KEY) return;
      this.#now = habitsOf(event.newValue);
      this.#tell();
    });
  }

  get = (): Habits => this.#now;

  listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  set(change: Partial<Habits>): void {
    this.#now = { ...this.#now, ...change };
    try {
      this.place.setItem(KEY, JSON.stringify(this.#now));
    } catch {
      // No room, or not allowed: they hold for as long as the page is open.
    }
    this.#tell();
  }

  /** Puts a conversation into one of the lists, or takes it out. */
  mark(list: "pinned" | "archived" | "muted" | "markedUnread", conversation: number, on: boolean): void {
    const others = this.#now[list].filter((id) => id !== conversation);
    if (on || others.length !== this.#now[list].length) this.set({ [list]: on ? [conversation, ...others] : others });
  }

  useEmoji(emoji: string): void {
    this.set({ recentEmoji: [emoji, ...this.#now.recentEmoji.filter((it) => it !== emoji)].slice(0, RECENT_EMOJI_MAX) });
  }

  draft(conversation: number): string {
    return this.#drafts.get(conversation) ?? "";
  }

  /** Told to the list of conversations when one begins or ends, and not with every letter. */
  setDraft(conversation: number, text: string): void {
    const was = this.draft(conversation);
    if (text === "") this.#drafts.delete(conversation);
    else this.#drafts.set(conversation, text);
    if ((was === "") !== (text === "")) {
      this.#now = { ...this.#now };
      this.#tell();
    }
  }

  /** Nothing of an account stays when it goes. */
  forget(): void {
    this.#drafts.clear();
    const { theme, language } = this.#now;
    this.set({ ...FIRST_HABITS, theme, language });
  }

  #read(): string | null {
    try {
      return this.place.getItem(KEY);
    } catch {
      return null;
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
