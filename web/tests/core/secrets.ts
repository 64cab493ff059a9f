/**
 * What a server may neither know nor note down, and the search for it in what it wrote.
 *
 * Always holds: it is looked for as it was said and as programs write bytes (JSON, addresses, base 16 and 64, lists of
 * numbers), wherever in a word of base 64 it begins; a short one only where it stands as a word. By chance three
 * letters are anywhere, also as a word, in megabytes of what is sealed: people's names have more. Deliberately absent:
 * what was compressed or sealed; the server's own tests look into that.
 */

/** A text of fewer bytes is looked for as a word. */
const SHORT_BYTES = 8;
/** Bytes by which a place is looked at closer. */
const BEGINNING = 3;

interface Form {
  readonly bytes: Buffer;
  /** Nothing of a word may stand beside it. */
  readonly word: boolean;
  readonly of: string;
}

/** The characters of base 64 that `bytes` alone decide, when so many bytes stand before them. */
function base64(bytes: Buffer, before: number): string {
  const whole = Buffer.concat([Buffer.alloc(before), bytes]);
  return whole.toString("base64").slice(Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6));
}

/** How programs write a text. */
export function formsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  if (bytes.length < SHORT_BYTES) return [text];
  const sixtyFour = [0, 1, 2].map((before) => base64(bytes, before));
  const numbers = [...bytes].map(String);
  const hex = bytes.toString("hex");
  return [...new Set([
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    encodeURIComponent(text).replaceAll("%20", "+"),
    hex,
    hex.toUpperCase(),
    ...sixtyFour,
    ...sixtyFour.map((it) => it.replaceAll("+", "-").replaceAll("/", "_")),
    numbers.join(", "),
    numbers.join(","),
  ])];
}

function isOfWord(byte: number | undefined): boolean {
  return byte !== undefined && /[A-Za-z0-9]/.test(String.fromCharCode(byte));
}

export class Secrets {
  readonly #forms = new Map<number, Form[]>();
  readonly #known = new Set<string>();

  /** From now on nobody may have written this. */
  add(...texts: readonly string[]): void {
    for (const text of texts.map((it) => it.trim())) {
      if (this.#known.has(text) || Buffer.byteLength(text) < BEGINNING) continue;
      this.#known.add(text);
      const word = Buffer.byteLength(text) < SHORT_BYTES;
      for (const form of formsOf(text)) this.#look({ bytes: Buffer.from(form), word, of: text });
    }
  }

  /** A phone number, with its country: so, without the sign, and as it is dialled at home. */
  addNumber(number: string): void {
    const digits = number.replace(/\D/g, "");
    this.add(`+${digits}`, digits, ...(digits.startsWith("1") ? [digits.slice(1)] : []));
  }

  #look(form: Form): void {
    const at = form.bytes.readUIntBE(0, BEGINNING);
    this.#forms.set(at, [...(this.#forms.get(at) ?? []), form]);
  }

  /** What of it stands in `bytes`, each with what is around its first place. */
  foundIn(bytes: Buffer): readonly string[] {
    const begins = new Uint8Array(1 << (8 * BEGINNING));
    for (const at of this.#forms.keys()) begins[at] = 1;
    const found = new Map<string, string>();
    let last = 0;
    for (let end = 1; end <= bytes.length; end += 1) {
      last = ((last << 8) | (bytes[end - 1] ?? 0)) & 0xffffff;
      if (end < BEGINNING || begins[last] === 0) continue;
      const from = end - BEGINNING;
      for (const form of this.#forms.get(last) ?? []) {
        const to = from + form.bytes.length;
        if (found.has(form.of) || !form.bytes.equals(bytes.subarray(from, to))) continue;
        if (form.word && (isOfWord(bytes[from - 1]) || isOfWord(bytes[to]))) continue;
        found.set(form.of, bytes.subarray(Math.max(0, from - 60), to + 20).toString("latin1"));
      }
    }
    return [...found].map(([of, around]) => `${of}: …${around}…`);
  }
}
