/** What the page's switches are set to, kept in its address: `?theme=dark&language=ar#bubble`. */
import { type Direction, directionOf, type Language } from "../ui/words/format";

export interface Settings {
  readonly theme: "system" | "light" | "dark";
  readonly language: Language;
  readonly direction: "own" | Direction;
  readonly size: "100" | "125" | "150" | "200";
  readonly motion: "system" | "reduced";
}

const CHOICES: { readonly [Key in keyof Settings]: readonly [Settings[Key], ...Settings[Key][]] } = {
  theme: ["system", "light", "dark"],
  language: ["en", "ar"],
  direction: ["own", "ltr", "rtl"],
  size: ["100", "125", "150", "200"],
  motion: ["system", "reduced"],
};

function choice<Key extends keyof Settings>(search: URLSearchParams, key: Key): Settings[Key] {
  const [unsaid, ...others] = CHOICES[key];
  return others.find((value) => value === search.get(key)) ?? unsaid;
}

/** The settings in an address; what it does not say is as the system has it. */
export function settingsOf(search: string): Settings {
  const given = new URLSearchParams(search);
  return {
    theme: choice(given, "theme"),
    language: choice(given, "language"),
    direction: choice(given, "direction"),
    size: choice(given, "size"),
    motion: choice(given, "motion"),
  };
}

/** What stands in the address for them. */
export function searchOf(settings: Settings): string {
  const told = new URLSearchParams();
  for (const [key, value] of Object.entries(settings) as [keyof Settings, string][]) {
    if (value !== CHOICES[key][0]) told.set(key, value);
  }
  return told.size === 0 ? "" : `?${told.toString()}`;
}

/** The direction that holds. */
export function directionIn(settings: Settings): Direction {
  return settings.direction === "own" ? directionOf(settings.language) : settings.direction;
}

/** Sets the document to them. */
export function apply(settings: Settings): void {
  const root = document.documentElement;
  root.lang = settings.language;
  root.dir = directionIn(settings);
  root.style.fontSize = `${settings.size}%`;
  if (settings.theme === "system") delete root.dataset.theme;
  else root.dataset.theme = settings.theme;
  if (settings.motion === "system") delete root.dataset.motion;
  else root.dataset.motion = settings.motion;
}
