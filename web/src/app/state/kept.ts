/**
 * What this browser keeps of a person's habits, beside the core: its look, and what it may do by itself.
 *
 * Always holds: what is stored is read with suspicion, and what does not fit is as if it were not
 * there. Deliberately absent: anything that people wrote, and how they keep their conversations: the
 * core has both, in a store that is sealed.
 */
import type { Language } from "../../ui/words/format";

export type Theme = "system" | "light" | "dark";

export interface Habits {
  readonly theme: Theme;
  /** As the browser has it, while it is null. */
  readonly language: Language | null;
  readonly recentEmoji: readonly string[];
  /** Pixels. */
  readonly listWidth: number;
  readonly notifies: boolean;
  readonly recoveryOffered: boolean;
}

export const FIRST_HABITS: Habits = {
  theme: "system",
  language: null,
  recentEmoji: [],
  listWidth: 360,
  notifies: false,
  recoveryOffered: false,
};

const KEY = "comity-habits";
const RECENT_EMOJI_MAX = 24;

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

  useEmoji(emoji: string): void {
    this.set({ recentEmoji: [emoji, ...this.#now.recentEmoji.filter((it) => it !== emoji)].slice(0, RECENT_EMOJI_MAX) });
  }

  /** Nothing of an account stays when it goes. */
  forget(): void {
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
