/**
 * An invented world for the app's screens: people, conversations, lines, in both languages.
 *
 * Always holds: the same whenever it is opened. Deliberately absent: anything of the product; what is
 * here is on the page of parts alone.
 */
import type { AccountView, AttachmentView, ContactView, ConversationView, FileKind, GroupView, MemberView, QuoteView, RequestView, TransferView } from "../../core/types";
import type { Line } from "../../app/state/face";
import type { Language } from "../../ui/words/format";
import { ALWAYS_MS } from "../../app/state/keeping";
import { DAY_MS, MINUTE_MS, NOW_MS, SAFETY_DIGITS, sample } from "../samples";
import { PREVIEW } from "./files";
import { stageText } from "./text";

export const OWN = "0a17c2d4e6f80123@talk.example";
/** An address by a small number. */
export const addressOf = (n: number): string => `${(0xa1b2c3d4 + n * 7919).toString(16)}${String(n).padStart(8, "0")}@talk.example`;
export const ANA = addressOf(1);
export const BEN = addressOf(2);
export const LAYLA = addressOf(3);
export const YUKI = addressOf(4);
export const STRANGER = addressOf(5);
export const GONE = addressOf(6);
export const ASKED = addressOf(7);
export const BLOCKED = addressOf(8);

const invitation = (letters: string): string => `comity:group/${letters.repeat(10)}`;
/** A link of the choir's, one to where one is not yet, and one that was taken back. */
export const INVITATIONS = { own: invitation("7Jc9-hTn"), good: invitation("9Kd2_wQx"), over: invitation("4vBs6HjL") };

export interface Chat {
  readonly view: ConversationView;
  readonly lines: readonly Line[];
  readonly members: readonly MemberView[];
}

export interface World {
  readonly account: AccountView;
  readonly contacts: readonly ContactView[];
  readonly requests: readonly RequestView[];
  readonly chats: readonly Chat[];
  readonly transfers: readonly TransferView[];
  readonly names: ReadonlyMap<string, string>;
}

let made = 0;

/** A message's name, drawn in order. */
export function nextId(): string {
  made += 1;
  return made.toString(16).padStart(32, "0");
}

export type Given = Partial<Line> & Pick<Line, "author" | "at_ms">;

/** A line as the core gives it; what is not given is as it is for a text that was read. */
export function lineOf(given: Given): Line {
  const outgoing = given.author === OWN;
  return { message: nextId(), seq: made, kind: "text", outgoing, status: outgoing ? "read" : "received", text: "", edited: false, deleted: false, ...given };
}

function contactOf(address: string, name: string, more: Partial<ContactView> = {}): ContactView {
  return {
    address, name, number: `+4930${String(parseInt(address.slice(0, 6), 16)).slice(0, 7)}`, about: "", accepted: true, blocked: false, verified: false, number_moved: false,
    safety_number: SAFETY_DIGITS.match(/.{5}/g)?.join(" ") ?? "", devices: 2, photo: null, ...more,
  };
}

/** What a list shows of the newest line. */
export function lastOf(lines: readonly Line[]): Pick<ConversationView, "last_text" | "last_author" | "last_kind" | "last_status" | "last_deleted" | "last_file"> {
  const last = lines.findLast((line) => line.kind !== "notice");
  const name = last?.attachment?.file_name;
  return {
    last_text: last === undefined || last.deleted ? "" : [name, last.text].filter((it) => it !== undefined && it !== "").join("\n"),
    last_author: last?.author ?? null, last_kind: last?.kind ?? null, last_status: last?.outgoing === true ? last.status : null, last_deleted: last?.deleted === true, last_file: last?.attachment?.kind ?? null,
  };
}

/** A file as its sender tells of it. */
export function attachmentOf(kind: FileKind, file_name: string, media_type: string, size: number, more: Partial<AttachmentView> = {}): AttachmentView {
  return { kind, file_name, media_type, size, available: true, width: 0, height: 0, duration_ms: 0, preview: "", ...more };
}

export function quoteOf(line: Line): QuoteView {
  return { message: line.message, author: line.author, preview: line.text, known: true, deleted: line.deleted };
}

export function viewOf(conversation: number, lines: readonly Line[], more: Partial<ConversationView> = {}): ConversationView {
  return {
    conversation, kind: "direct", peer: null, title: "", state: "active", unread: 0, unread_mentions: 0, last_ms: lines.at(-1)?.at_ms ?? NOW_MS - 90 * DAY_MS,
    ...lastOf(lines), pinned_ms: 0, archived: false, muted_until_ms: 0, marked_unread: false, draft: null, delivered_seq: 0, read_seq: 0, blocked: false, timer_s: 0, ...more,
  };
}

export function groupOf(people: number, more: Partial<GroupView> = {}): GroupView {
  return {
    description: "", photo: null, people, devices: people * 2, admin: false, link: null, leaving: false, details_arriving: false,
    permissions: { members_add: true, members_edit: true, only_admins_speak: false, history_for_new: false }, ...more,
  };
}

export function memberOf(address: string, name: string, more: Partial<MemberView> = {}): MemberView {
  return { address, name, number: "", admin: false, own: address === OWN, devices: 2, ...more };
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** So many lines of two people, the newest last: the words of a few, over and over. */
function longTalk(count: number, texts: readonly string[]): readonly Line[] {
  const step = 4 * MINUTE_MS;
  return Array.from({ length: count }, (_, n) => lineOf({
    author: n % 5 < 2 ? OWN : ANA,
    at_ms: NOW_MS - 9 * MINUTE_MS - (count - 1 - n) * step,
    text: `${texts[n % texts.length] ?? ""} (${String(n + 1)})`,
  }));
}

/** The world in a language; `long` lines in the longest conversation. At `home`, one is pinned. */
export function worldIn(language: Language, long: number, home: boolean): World {
  const say = sample(language);
  const own = stageText(language);
  const at = (minutes: number): number => NOW_MS - minutes * MINUTE_MS;
  const names = new Map([[OWN, "you"], [ANA, say.ana], [BEN, say.ben], [LAYLA, say.layla], [YUKI, say.yuki], [GONE, own.gone], [ASKED, own.asked], [BLOCKED, own.blocked]]);
  const anna = longTalk(long, [say.hello, say.found, own.bread, say.six, own.thanks, say.sixYes, own.rain]);
  const hello = lineOf({ author: ANA, at_ms: at(74), text: say.hello });
  const mentionName = say.mentionName;
  const choir: readonly Line[] = [
    lineOf({ author: BEN, at_ms: at(3 * 1440), kind: "notice", text: "group_created" }),
    lineOf({ author: BEN, at_ms: at(3 * 1440 - 1), kind: "notice", text: `added:${ANA}` }),
    lineOf({ author: BEN, at_ms: at(3 * 1440 - 2), kind: "notice", text: "added_many:4" }),
    lineOf({ author: YUKI, at_ms: at(1450), kind: "notice", text: "joined_by_link" }),
    hello,
    lineOf({ author: ANA, at_ms: at(73), text: say.long, reactions: [{ author: OWN, emoji: "👍" }, { author: BEN, emoji: "👍" }, { author: YUKI, emoji: "🎶" }] }),
    lineOf({ author: OWN, at_ms: at(70), text: say.found, quote: quoteOf(hello) }),
    lineOf({ author: OWN, at_ms: at(69), kind: "attachment", text: say.caption, attachment: attachmentOf("image", "gallery.svg", "image/svg+xml", 48_000, { width: 800, height: 600, preview: PREVIEW }) }),
    lineOf({ author: LAYLA, at_ms: at(52), kind: "notice", text: "device_added" }),
    lineOf({ author: YUKI, at_ms: at(40), deleted: true }),
    lineOf({ author: YUKI, at_ms: at(39), kind: "attachment", text: "", attachment: attachmentOf("file", "Evensong.pdf", "application/pdf", 319_488) }),
    lineOf({ author: LAYLA, at_ms: at(31), kind: "attachment", text: "", attachment: attachmentOf("voice", "voice.wav", "audio/wav", 64_000, { duration_ms: 6_000 }) }),
    lineOf({ author: OWN, at_ms: at(20), text: say.six, status: "delivered", edited: true, progress: { people: 5, delivered: 5, read: 2 } }),
    lineOf({ author: BEN, at_ms: at(4), text: say.mention, mentions: [{ start: 0, length: bytesOf(mentionName), address: ANA, own: false }] }),
    lineOf({ author: BEN, at_ms: at(3), text: "🎶" }),
    lineOf({ author: LAYLA, at_ms: at(2), text: own.mentionYou, mentions: [{ start: 0, length: bytesOf(own.mentionYouName), address: OWN, own: true }] }),
  ];
  const arabic = sample("ar");
  const family: readonly Line[] = [
    lineOf({ author: LAYLA, at_ms: at(300), text: arabic.hello }),
    lineOf({ author: OWN, at_ms: at(295), text: arabic.found }),
    lineOf({ author: LAYLA, at_ms: at(280), text: arabic.long }),
    lineOf({ author: OWN, at_ms: at(270), text: "OK, see you at 18:00 🙂", status: "delivered" }),
    lineOf({ author: BEN, at_ms: at(262), kind: "notice", text: "timer:604800" }),
    lineOf({ author: LAYLA, at_ms: at(260), text: arabic.sixYes, expires_ms: NOW_MS + 6 * DAY_MS }),
  ];
  const taken = lineOf({ author: BEN, at_ms: at(1510), deleted: true });
  const moving = lineOf({ author: OWN, at_ms: at(1437), kind: "attachment", attachment: attachmentOf("image", "hall.jpg", "image/jpeg", 1_200_000, { width: 900, height: 1200, preview: PREVIEW, available: false }), status: "queued", seq: null });
  const ben: readonly Line[] = [
    taken,
    lineOf({ author: BEN, at_ms: at(1500), text: say.suspicious }),
    lineOf({ author: OWN, at_ms: at(1445), text: own.thanks, status: "sent" }),
    lineOf({ author: BEN, at_ms: at(1441), kind: "attachment", attachment: attachmentOf("video", "rehearsal.mp4", "video/mp4", 14_300_000, { width: 640, height: 360, duration_ms: 83_000, preview: PREVIEW }) }),
    lineOf({ author: OWN, at_ms: at(1439), text: say.six, status: "failed", failure: "unreachable", seq: null, quote: { ...quoteOf(taken), deleted: true, preview: "" } }),
    lineOf({ author: OWN, at_ms: at(1438), kind: "attachment", attachment: attachmentOf("file", "Evensong.pdf", "application/pdf", 319_488, { available: false }), status: "failed", failure: "stopped", seq: null }),
    moving,
    lineOf({ author: OWN, at_ms: at(1436), text: own.bread, status: "queued", seq: null }),
  ];
  const layla: readonly Line[] = [
    lineOf({ author: LAYLA, at_ms: at(3000), text: own.rain }),
    lineOf({ author: OWN, at_ms: at(2990), text: own.thanks }),
    lineOf({ author: LAYLA, at_ms: at(2000), kind: "unreadable", failure: "epoch_gone" }),
    lineOf({ author: LAYLA, at_ms: at(25), kind: "notice", text: "device_added" }),
    lineOf({ author: OWN, at_ms: at(22), kind: "notice", text: "gap" }),
    lineOf({ author: LAYLA, at_ms: at(21), text: own.newPhone, forwarded: true }),
  ];
  const crowd = Array.from({ length: 240 }, (_, n) => memberOf(addressOf(100 + n), `${own.first[n % own.first.length] ?? ""} ${own.last[(n * 7) % own.last.length] ?? ""}`, { admin: n < 3 }));
  const street = crowd.slice(0, 40).map((member, n) => lineOf({ author: member.address, at_ms: at(1500 + (40 - n) * 3), text: [say.hello, own.rain, own.bread, say.sixYes][n % 4] ?? "" }));
  for (const member of crowd) names.set(member.address, member.name);
  const ended = [lineOf({ author: GONE, at_ms: at(60_000), text: own.bye }), lineOf({ author: GONE, at_ms: at(59_000), kind: "notice", text: "account_gone" })];
  const removed = [lineOf({ author: YUKI, at_ms: at(40_000), text: own.bye }), lineOf({ author: YUKI, at_ms: at(39_900), kind: "notice", text: "removed_you" })];
  const asking = [lineOf({ author: OWN, at_ms: at(90), text: say.hello, status: "sent" })];
  const chats: Chat[] = [
    { view: viewOf(1, choir, { kind: "group", title: say.choir, pinned_ms: home ? NOW_MS - DAY_MS : 0, unread: 3, unread_mentions: 1, group: groupOf(6, { admin: true, photo: "choir", description: own.choirAbout, link: INVITATIONS.own }) }), lines: choir, members: [memberOf(OWN, own.me), memberOf(BEN, say.ben, { admin: true }), memberOf(ANA, say.ana), memberOf(LAYLA, say.layla), memberOf(YUKI, say.yuki), memberOf(GONE, own.gone)] },
    { view: viewOf(2, anna, { peer: ANA, title: say.ana }), lines: anna, members: [] },
    { view: viewOf(3, layla, { peer: LAYLA, title: say.layla, unread: 1 }), lines: layla, members: [] },
    { view: viewOf(4, family, { kind: "group", title: arabic.family, timer_s: 604_800, group: groupOf(3) }), lines: family, members: [memberOf(OWN, own.me), memberOf(LAYLA, say.layla, { admin: true }), memberOf(BEN, say.ben)] },
    { view: viewOf(5, ben, { peer: BEN, title: say.ben }), lines: ben, members: [] },
    { view: viewOf(6, street, { kind: "group", title: say.street, unread: 28, muted_until_ms: ALWAYS_MS, group: groupOf(241, { permissions: { members_add: false, members_edit: false, only_admins_speak: true, history_for_new: true } }) }), lines: street, members: [memberOf(OWN, own.me), ...crowd] },
    { view: viewOf(7, asking, { peer: ASKED, title: own.asked, state: "asking" }), lines: asking, members: [] },
    { view: viewOf(8, [], { kind: "self", last_ms: NOW_MS - 2 * DAY_MS }), lines: [], members: [] },
    { view: viewOf(9, removed, { kind: "group", title: own.oldGroup, state: "left", group: groupOf(4) }), lines: removed, members: [memberOf(YUKI, say.yuki, { admin: true })] },
    { view: viewOf(10, ended, { peer: GONE, title: own.gone, state: "left", archived: true }), lines: ended, members: [] },
    { view: viewOf(11, [], { peer: BLOCKED, title: own.blocked, blocked: true, archived: true, last_ms: NOW_MS - 80 * DAY_MS }), lines: [], members: [] },
  ];
  const more = crowd.slice(0, 30).map((member, n): Chat => {
    const file = [
      attachmentOf("image", "IMG_2041.jpg", "image/jpeg", 900_000), attachmentOf("voice", "voice.webm", "audio/webm", 40_000, { duration_ms: 9_000 }), attachmentOf("file", "Evensong.pdf", "application/pdf", 319_488), attachmentOf("video", "rehearsal.mp4", "video/mp4", 14_300_000),
    ][n - 3];
    const said = { author: n % 3 === 0 ? OWN : member.address, at_ms: at(3_000 + n * 900), status: n % 3 === 0 ? (n % 2 === 0 ? "read" as const : "delivered" as const) : "received" as const };
    const lines = [
      file !== undefined ? lineOf({ ...said, kind: "attachment", attachment: file, text: n === 6 ? say.caption : "" })
      : n === 7 ? lineOf({ ...said, deleted: true })
      : lineOf({ ...said, text: [say.hello, own.thanks, say.sixYes, own.rain][n % 4] ?? "" }),
    ];
    const draft = { text: say.draft };
    return { view: viewOf(20 + n, lines, { peer: member.address, title: member.name, ...(n === 1 && { marked_unread: true }), ...(n === 2 && { draft }) }), lines, members: [] };
  });
  return {
    account: {
      address: OWN, number: "+49 30 5550142", name: own.me, about: own.meAbout, device: "d1", owner: true, photo: "me",
      devices: [
        { device: "d1", name: "Firefox, Linux", owner: true, this: true, added_ms: NOW_MS - 60 * DAY_MS },
        { device: "d2", name: own.phone, owner: true, this: false, added_ms: NOW_MS - 200 * DAY_MS },
        { device: "d3", name: "", owner: false, this: false, added_ms: NOW_MS - DAY_MS },
      ],
    },
    contacts: [
      contactOf(ANA, say.ana, { verified: true, about: say.about, photo: "ana" }), contactOf(BEN, say.ben), contactOf(LAYLA, say.layla, { devices: 3 }), contactOf(YUKI, say.yuki, { about: own.yukiAbout }),
      contactOf(ASKED, own.asked, { accepted: false, safety_number: "" }), contactOf(BLOCKED, own.blocked, { blocked: true, number_moved: true }),
      ...crowd.slice(0, 30).map((member) => contactOf(member.address, member.name)),
    ],
    requests: [{ address: STRANGER, name: own.stranger, number: "+44 20 7946 0958", number_confirmed: true, text: own.strangerText, at_ms: at(95) }],
    chats: [...chats, ...more],
    transfers: [{ transfer: 7, conversation: 5, message: moving.message, upload: true, done_bytes: 744_000, total_bytes: 1_200_000, state: "waiting", path: null, failure: null }],
    names,
  };
}
