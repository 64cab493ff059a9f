/**
 * Numbers, times, sizes and plural forms in a language, over the browser's `Intl`.
 *
 * Always holds: words and digits are the language's; whether a day has twice twelve hours, and in which order a date
 * is written, are those of the reader's region. Text that comes from people is isolated before it stands in a sentence, so that its direction turns nothing around it
 * (Unicode Standard Annex 9, isolates). Deliberately absent: the clock; whoever asks gives the time. Other calendars
 * than the Gregorian one.
 */

/** The languages that there are words in. */
export type Language = "en" | "ar";

/** Which way a language is written. */
export type Direction = "ltr" | "rtl";

/** The forms of a sentence by count; `#` stands for the number. */
export type Forms = { readonly other: string } & Readonly<Partial<Record<Intl.LDMLPluralRule, string>>>;

/** All six, as Arabic has them. */
export type SixForms = Readonly<Record<Intl.LDMLPluralRule, string>>;

const FIRST_STRONG_ISOLATE = "\u2068";
const POP_ISOLATE = "\u2069";

/** `text` shut off from the direction of what stands around it. */
export function isolate(text: string): string {
  return FIRST_STRONG_ISOLATE + text + POP_ISOLATE;
}

/** Which way `language` is written. */
export function directionOf(language: Language): Direction {
  return language === "ar" ? "rtl" : "ltr";
}

/** The region that a locale names, or where its language is spoken most. */
function regionIn(locale: string): string | undefined {
  return new Intl.Locale(locale).maximize().region;
}

/**
 * The reader's own locale: the first of the browser's that names a region, or else the one that the browser itself is in.
 * It says where somebody is used to read times, whatever language the app speaks.
 */
export function readerOf(wanted: readonly string[], otherwise: string): string {
  const named = wanted.find((tag) => {
    try {
      return new Intl.Locale(tag).region !== undefined;
    } catch {
      return false;
    }
  });
  return named ?? otherwise;
}

/** The locale of this page's reader. */
export function reader(): string {
  return readerOf(navigator.languages, new Intl.DateTimeFormat().resolvedOptions().locale);
}

/** Where the reader is, as ISO 3166-1 has it; null where nothing tells. */
export function readersRegion(): string | null {
  return regionIn(reader()) ?? null;
}

/** Which part of a date stands first where this locale is at home. */
function leads(locale: string): string | undefined {
  return new Intl.DateTimeFormat(locale, { dateStyle: "short", calendar: "gregory" }).formatToParts(0).find(({ type }) => type !== "literal")?.type;
}

/** The language's own way to write dates in the reader's region, or the nearest that it has. */
function datesOf(language: Language, reader: string): string {
  const region = regionIn(reader);
  if (region === undefined) return language;
  const there = `${language}-${region}`;
  const known = new Intl.Locale(new Intl.DateTimeFormat(there).resolvedOptions().locale).region === region;
  if (known || language !== "en") return there;
  // English as it is written nowhere in particular, or where dates begin as they do in the reader's region.
  const first = leads(reader);
  return first === "year" ? "en-SE" : first === "month" ? "en-US" : "en-001";
}

const DAY_MS = 86_400_000;

/** Local midnight before `ms`. */
function dayOf(ms: number): number {
  const date = new Date(ms);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** What a language needs to write numbers and times. Times are milliseconds since 1970. */
export class Format {
  readonly #plural: Intl.PluralRules;
  readonly #number: Intl.NumberFormat;
  readonly #time: Intl.DateTimeFormat;
  readonly #weekday: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #short: Intl.DateTimeFormat;
  readonly #relative: Intl.RelativeTimeFormat;
  readonly #list: Intl.ListFormat;

  /** `reader` is a locale of where the reader is; the language's own where it is not told. */
  constructor(readonly language: Language, reader: string = language) {
    this.#plural = new Intl.PluralRules(language);
    this.#number = new Intl.NumberFormat(language);
    const { numberingSystem } = this.#number.resolvedOptions();
    const { hourCycle } = new Intl.DateTimeFormat(reader, { timeStyle: "short" }).resolvedOptions();
    const there = datesOf(language, reader);
    const own = { numberingSystem, calendar: "gregory" };
    this.#time = new Intl.DateTimeFormat(there, { timeStyle: "short", ...own, ...(hourCycle !== undefined && { hourCycle }) });
    this.#weekday = new Intl.DateTimeFormat(language, { weekday: "long" });
    this.#date = new Intl.DateTimeFormat(there, { dateStyle: "long", ...own });
    this.#short = new Intl.DateTimeFormat(there, { dateStyle: "short", ...own });
    this.#relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
    this.#list = new Intl.ListFormat(language, { type: "conjunction" });
  }

  /** The form for `count`, with the number in its place. */
  plural(count: number, forms: Forms): string {
    // Where a language has no form for none, a sentence may have one of its own.
    const rule = count === 0 && forms.zero !== undefined ? "zero" : this.#plural.select(count);
    const form = forms[rule] ?? forms.other;
    return form.replace("#", this.number(count));
  }

  number(value: number): string {
    return this.#number.format(value);
  }

  /** 0.25 as '25%'. */
  percent(share: number): string {
    return new Intl.NumberFormat(this.language, { style: "percent" }).format(share);
  }

  /** The time of day. */
  time(ms: number): string {
    return this.#time.format(ms);
  }

  /** 'Today', 'Yesterday', a weekday within a week, else the date. */
  day(ms: number, nowMs: number): string {
    const days = Math.round((dayOf(nowMs) - dayOf(ms)) / DAY_MS);
    if (days === 0 || days === 1) {
      const text = this.#relative.format(-days, "day");
      return text.charAt(0).toLocaleUpperCase(this.language) + text.slice(1);
    }
    return days > 1 && days < 7 ? this.#weekday.format(ms) : this.#date.format(ms);
  }

  /** As in a list: the time today, else 'Yesterday', a weekday or a short date. */
  when(ms: number, nowMs: number): string {
    const days = Math.round((dayOf(nowMs) - dayOf(ms)) / DAY_MS);
    if (days === 0) return this.time(ms);
    return days > 0 && days < 7 ? this.day(ms, nowMs) : this.#short.format(ms);
  }

  /** Minutes and seconds of a recording. */
  duration(ms: number): string {
    const seconds = Math.round(ms / 1000);
    const two = new Intl.NumberFormat(this.language, { minimumIntegerDigits: 2 });
    return `${this.number(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
  }

  /** How long something takes or stays, in the largest unit that comes out even: '1 week', '90 minutes'. */
  span(seconds: number, display: "long" | "narrow" = "long"): string {
    const units = [["week", 604_800], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]] as const;
    const [unit, length] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? units[4];
    return new Intl.NumberFormat(this.language, { style: "unit", unit, unitDisplay: display }).format(Math.round(seconds / length));
  }

  /** About how long it is until then: '6 d', in the largest unit of which one is left. */
  left(seconds: number): string {
    const size = [604_800, 86_400, 3_600, 60].find((it) => seconds >= it) ?? 1;
    return this.span(Math.max(1, Math.round(seconds / size)) * size, "narrow");
  }

  /** A size in bytes, in the largest unit that leaves something before the point; 1 kB is 1,000 bytes. */
  bytes(bytes: number): string {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
    const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
    return new Intl.NumberFormat(this.language, {
      style: "unit",
      unit: units[step] ?? "byte",
      unitDisplay: step === 0 ? "long" : "short",
      maximumFractionDigits: bytes / 1000 ** step < 10 && step > 0 ? 1 : 0,
    }).format(bytes / 1000 ** step);
  }

  /** 'a, b and c', each isolated. */
  list(names: readonly string[]): string {
    return this.#list.format(names.map(isolate));
  }

  /** A country's name by its ISO 3166-1 code. */
  country(code: string): string {
    return new Intl.DisplayNames(this.language, { type: "region" }).of(code) ?? code;
  }
}
