/**
 * Numbers, times, sizes and plural forms in a language, over the browser's `Intl`.
 *
 * Always holds: text that comes from people is isolated before it stands in a sentence, so that its
 * direction turns nothing around it (Unicode Standard Annex 9, isolates). Deliberately absent: the
 * clock; whoever asks gives the time.
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

  constructor(readonly language: Language) {
    this.#plural = new Intl.PluralRules(language);
    this.#number = new Intl.NumberFormat(language);
    this.#time = new Intl.DateTimeFormat(language, { timeStyle: "short" });
    this.#weekday = new Intl.DateTimeFormat(language, { weekday: "long" });
    this.#date = new Intl.DateTimeFormat(language, { dateStyle: "long" });
    this.#short = new Intl.DateTimeFormat(language, { dateStyle: "short" });
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
