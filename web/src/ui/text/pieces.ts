/**
 * Cuts a message's text into what is shown differently: plain text, links, mentions, emoji.
 *
 * Always holds: the pieces put together are the text, character for character; a link goes to http,
 * https or mail and nowhere else. Deliberately absent: markup; what people type is what is shown.
 */
import { LinkifyIt } from "linkify-it";

/** A mention as the message carries it: UTF-16 units of the text, end exclusive. */
export interface Mention {
  readonly start: number;
  readonly end: number;
  readonly id: string;
}

/** A piece of a text. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  | { readonly kind: "mention"; readonly text: string; readonly id: string }
  | { readonly kind: "emoji"; readonly text: string };

const links = new LinkifyIt({ fuzzyLink: true, fuzzyEmail: true, fuzzyIP: false }).add("ftp:", null).add("//", null);
const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/** Whether a grapheme is shown as a picture: UTS 51, by what it begins with and how it is qualified. */
export function isEmoji(grapheme: string): boolean {
  if (/^\p{Regional_Indicator}{2}$/u.test(grapheme)) return true;
  if (/^[\d#*]\uFE0F?\u20E3$/u.test(grapheme)) return true;
  if (!/^\p{Extended_Pictographic}/u.test(grapheme) || grapheme.includes("\uFE0E")) return false;
  return /^\p{Emoji_Presentation}/u.test(grapheme) || grapheme.includes("\uFE0F") || grapheme.includes("\u200D");
}

function pushText(into: Piece[], text: string): void {
  let plain = "";
  const flush = (): void => {
    if (plain !== "") into.push({ kind: "text", text: plain });
    plain = "";
  };
  for (const { segment } of graphemes.segment(text)) {
    if (!isEmoji(segment)) {
      plain += segment;
      continue;
    }
    flush();
    into.push({ kind: "emoji", text: segment });
  }
  flush();
}

function pushLinks(into: Piece[], text: string): void {
  let at = 0;
  for (const match of links.match(text) ?? []) {
    if (!/^(https?|mailto):/i.test(match.url)) continue;
    pushText(into, text.slice(at, match.index));
    const shown = text.slice(match.index, match.lastIndex);
    // What was written without a scheme is reached over TLS.
    const href = match.schema === "" ? match.url.replace(/^http:/, "https:") : match.url;
    into.push({ kind: "link", text: shown, href });
    at = match.lastIndex;
  }
  pushText(into, text.slice(at));
}

/** The pieces of `text`. Mentions that overlap or lie outside of it are shown as text. */
export function piecesOf(text: string, mentions: readonly Mention[] = []): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const mention of [...mentions].sort((a, b) => a.start - b.start)) {
    if (mention.start < at || mention.end <= mention.start || mention.end > text.length) continue;
    pushLinks(pieces, text.slice(at, mention.start));
    pieces.push({ kind: "mention", text: text.slice(mention.start, mention.end), id: mention.id });
    at = mention.end;
  }
  pushLinks(pieces, text.slice(at));
  return pieces;
}

/** How many emoji a text is, where it is nothing else and at most three; else 0: such are shown large. */
export function emojiAlone(text: string): number {
  const found = [...graphemes.segment(text)].map(({ segment }) => segment).filter((g) => g.trim() !== "");
  return found.length <= 3 && found.every(isEmoji) ? found.length : 0;
}
