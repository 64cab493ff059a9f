/** What was said last, in a line: of a list, of a notification, of an answer. */
import { File, Image, Mic, Music, Sticker, Video } from "lucide-react";
import type { Address, ConversationView, FileKind, Status } from "../../core/types";
import type { Picture, Progress } from "../../ui/basics/Icon";
import type { Preview } from "../../ui/timeline/ConversationRow";
import type { Words } from "../../ui/words/en";
import type { Line } from "../state/face";

/** How far an own line got; undefined for the others'. */
export function progressAt(status: Status): Progress | undefined {
  const table = { queued: "sending", sent: "sent", delivered: "delivered", read: "read", failed: "failed", received: undefined } as const;
  return table[status];
}

const ICONS: Readonly<Record<FileKind, Picture>> = { file: File, image: Image, video: Video, audio: Music, voice: Mic, sticker: Sticker };

/** What a file is, in a word. */
export function fileWord(kind: FileKind, words: Words): string {
  const table = { file: words.talk.file, image: words.photo, video: words.video, audio: words.talk.audio, voice: words.voiceNote, sticker: words.talk.sticker };
  return table[kind];
}

export interface SaidFile {
  readonly icon: Picture;
  /** What it is. */
  readonly word: string;
  /** Its caption; of what one knows by its name, else the name; else what it is. */
  readonly text: string;
}

/** A file in a line. */
export function saidFile(kind: FileKind, name: string, caption: string, words: Words): SaidFile {
  const word = fileWord(kind, words);
  const plain = kind === "file" || kind === "audio" ? name : "";
  return { icon: ICONS[kind], word, text: caption !== "" ? caption : plain !== "" ? plain : word };
}

/** That a message was taken back, and by whom. */
export function deletedWord(author: Address | null, own: Address, nameOf: (address: Address) => string, words: Words): string {
  if (author === null) return words.talk.deleted;
  return author === own ? words.deletedByYou : words.deletedBy(nameOf(author));
}

/** A line in words: what is heard of it, and what a notification says. */
export function saidIn(line: Pick<Line, "kind" | "text" | "attachment">, words: Words): string {
  if (line.kind === "unreadable") return words.talk.unreadable;
  if (line.kind === "unknown") return words.talk.newer(line.text);
  const file = line.attachment;
  return file === undefined ? line.text : saidFile(file.kind, file.file_name, line.text, words).text;
}

/** What was said last in a conversation, as its row shows it; null where nothing was. */
export function lastSaid(view: ConversationView, { words, own, nameOf }: { words: Words; own: Address; nameOf: (address: Address) => string }): Preview | null {
  const { last_kind: kind, last_author: author, last_status: status } = view;
  if (kind === null || author === null) return null;
  const progress = status === null ? undefined : progressAt(status);
  if (view.last_deleted) return { kind: "deleted", text: deletedWord(author, own, nameOf, words) };
  const said = { kind: "text" as const, ...(author !== own && view.kind === "group" && { author: nameOf(author) }), ...(progress !== undefined && { progress }) };
  if (kind === "unreadable") return { ...said, text: words.talk.unreadable };
  if (view.last_file === null) return { ...said, text: kind === "unknown" ? words.talk.newer(view.last_text) : view.last_text };
  const [name = "", ...caption] = view.last_text.split("\n");
  const { icon, word, text } = saidFile(view.last_file, name, caption.join(" ").trim(), words);
  return { ...said, text, icon: { of: icon, label: text === word ? null : word } };
}
