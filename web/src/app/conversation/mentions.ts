/**
 * Mentions while one writes: what is typed after an `@`, whom it could mean, and where the names stand
 * in what is sent.
 */
import type { Mention, Named, TimelineItem } from "../../core/types";
import { folded } from "../../ui/fields/Combobox";
import { bytesBefore } from "./lines";

const OFFERED_MAX = 6;

export interface Typed {
  /** The UTF-16 unit where the `@` stands. */
  readonly start: number;
  readonly query: string;
}

/** What is being typed after an `@` that begins a word, at `caret`; null where there is none. */
export function typedMention(text: string, caret: number): Typed | null {
  const match = /(?:^|[\s(])@([^\s@]{0,32})$/u.exec(text.slice(0, caret));
  if (match === null) return null;
  const query = match[1] ?? "";
  return { start: caret - query.length - 1, query };
}

/** Who could be meant, those whose name begins so first. */
export function offered(people: readonly Named[], query: string): readonly Named[] {
  const wanted = folded(query);
  const begins = people.filter(({ name }) => folded(name).startsWith(wanted));
  const inside = people.filter((it) => !begins.includes(it) && folded(it.name).split(/\s+/u).some((word) => word.startsWith(wanted)));
  return [...begins, ...inside].slice(0, OFFERED_MAX);
}

/** `text` with the name in place of what was typed, and where the caret stands then. */
export function completed(text: string, typed: Typed, caret: number, name: string): { readonly text: string; readonly caret: number } {
  const put = `@${name} `;
  return { text: text.slice(0, typed.start) + put + text.slice(caret), caret: typed.start + put.length };
}

/** Who is named in a line, as they are called there. */
export function mentionedIn({ text, mentions }: Pick<TimelineItem, "text" | "mentions">): readonly Named[] {
  const bytes = new TextEncoder().encode(text);
  return (mentions ?? []).map(({ start, length, address }) => ({
    address,
    name: new TextDecoder().decode(bytes.subarray(start, start + length)).replace(/^@/u, ""),
  }));
}

/** Where the chosen people are named in `text`, as the core is told it: every place, the longest name first. */
export function mentionsIn(text: string, people: readonly Named[]): readonly Mention[] {
  const found: (Mention & { readonly from: number; readonly to: number })[] = [];
  for (const { address, name } of [...people].sort((a, b) => b.name.length - a.name.length)) {
    const sign = `@${name}`;
    for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + sign.length)) {
      const to = at + sign.length;
      if (/^[\p{L}\p{N}]/u.test(text.slice(to)) || found.some((it) => at < it.to && to > it.from)) continue;
      const start = bytesBefore(text, at);
      found.push({ start, length: bytesBefore(text, to) - start, address, from: at, to });
    }
  }
  return found.sort((a, b) => a.from - b.from).map(({ start, length, address }) => ({ start, length, address }));
}
