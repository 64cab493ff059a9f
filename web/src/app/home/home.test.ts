import { describe, expect, it } from "vitest";
import type { ConversationView } from "../../core/types";
import { speak } from "../../ui/words/context";
import { invitationIn, inviteAddress, isInvitation, ownInvitation } from "../groups/invitation";
import { grouped } from "../start/LinkThis";
import { linkCode } from "../yourself/Approve";
import { browserName } from "../start/names";
import { piecesOf } from "../../ui/text/pieces";
import { lastSaid, saidIn } from "../conversation/said";
import { loudness } from "../conversation/wave";
import { ALWAYS_MS, backFromArchive, isMuted, mutedUntil, unreadOf } from "../state/keeping";
import { listed, named, rowOf, titleIn } from "./lists";
import { marked } from "./marked";

const NOW_MS = 1_000_000;
const view = (conversation: number, more: Partial<ConversationView> = {}): ConversationView => ({
  conversation, kind: "direct", peer: `p${String(conversation)}`, title: `Name ${String(conversation)}`, state: "active", unread: 0, unread_mentions: 0,
  last_ms: conversation, last_text: "hello", last_author: `p${String(conversation)}`, last_kind: "text", last_status: null, last_deleted: false, last_file: null,
  pinned_ms: 0, archived: false, muted_until_ms: 0, marked_unread: false, draft: null, delivered_seq: 0, read_seq: 0, blocked: false, timer_s: 0, ...more,
});
const ids = (views: readonly ConversationView[]): readonly number[] => views.map((it) => it.conversation);

describe("the list of conversations", () => {
  it("has pinned ones first, the one that was pinned last before the others, then the newest", () => {
    expect(ids(listed([view(1, { pinned_ms: 5 }), view(2, { pinned_ms: 9 }), view(3), view(4)], NOW_MS, false))).toEqual([2, 1, 4, 3]);
  });

  it("leaves out the archive, from where one comes back when somebody speaks", () => {
    const all = [view(1, { archived: true }), view(2, { archived: true, unread: 1 }), view(3, { archived: true, unread: 9, muted_until_ms: NOW_MS + 1 }), view(4)];
    expect(ids(listed(all, NOW_MS, true))).toEqual([3, 1]);
    expect(ids(listed(all, NOW_MS, false))).toEqual([4, 2]);
  });

  it("is searched by name, without regard of case and marks", () => {
    const all = [view(1, { title: "Ana Marković" }), view(2, { title: "Ben" })];
    expect(ids(named(all, "markovic", (it) => it.title))).toEqual([1]);
    expect(named(all, "  ", (it) => it.title)).toEqual([]);
  });

  it("calls each by its name, and has one where there is none", () => {
    const { words } = speak("en");
    const nameOf = (): string => "Ana";
    expect(titleIn(view(1), words, nameOf)).toBe("Name 1");
    expect(titleIn(view(1, { kind: "self" }), words, nameOf)).toBe("Notes to self");
    expect(titleIn(view(1, { title: "" }), words, nameOf)).toBe("Ana");
    expect(titleIn(view(1, { title: "", peer: null, kind: "group" }), words, nameOf)).toBe("Group without a name yet");
  });

  it("shows who types, else a draft, else the last line", () => {
    const { words } = speak("en");
    const base = { words, nowMs: NOW_MS, own: "me", title: "T", nameOf: () => "Ana", draft: "", typing: [] };
    const group = view(1, { kind: "group", last_author: "a" });
    expect(rowOf(group, base).preview).toEqual({ kind: "text", text: "hello", author: "Ana" });
    expect(rowOf(group, { ...base, draft: "so" }).preview).toEqual({ kind: "draft", text: "so" });
    expect(rowOf(group, { ...base, draft: "so", typing: ["Ana"] }).preview).toEqual({ kind: "typing", names: ["Ana"] });
    expect(rowOf(view(1, { last_text: "", last_author: null, last_kind: null, state: "asking" }), base).preview).toEqual({ kind: "text", text: "Waiting for an answer" });
  });

  it("says what waits: a mark without a number, and a mute until it ran out", () => {
    const { words } = speak("en");
    const base = { words, nowMs: NOW_MS, own: "me", title: "T", nameOf: () => "Ana", draft: "", typing: [] };
    expect(rowOf(view(1, { marked_unread: true }), base).unread).toBe(-1);
    expect(rowOf(view(1, { marked_unread: true, unread: 3 }), base).unread).toBe(3);
    expect(rowOf(view(1, { muted_until_ms: NOW_MS + 1, pinned_ms: 1 }), base)).toMatchObject({ muted: true, pinned: true });
    expect(rowOf(view(1, { muted_until_ms: NOW_MS }), base)).toMatchObject({ muted: false, pinned: false });
  });
});

describe("what was said last", () => {
  const { words } = speak("en");
  const given = { words, own: "me", nameOf: (address: string) => (address === "a" ? "Ana" : "You") };
  const said = (more: Partial<ConversationView>) => lastSaid(view(1, { last_author: "a", ...more }), given);

  it("is one's own with how far it is, and another's without", () => {
    expect(said({ last_author: "me", last_status: "delivered" })).toEqual({ kind: "text", text: "hello", progress: "delivered" });
    expect(said({ last_author: "me", last_status: "queued" })).toMatchObject({ progress: "sending" });
    expect(said({})).toEqual({ kind: "text", text: "hello" });
  });

  it("was taken back", () => {
    expect(said({ last_deleted: true, last_text: "" })).toEqual({ kind: "deleted", text: "\u2068Ana\u2069 deleted this message" });
    expect(said({ last_deleted: true, last_author: "me", last_status: "read" })).toEqual({ kind: "deleted", text: "You deleted this message" });
  });

  it("is a file: by its caption, by the name that one knows it by, or by what it is", () => {
    const shown = (more: Partial<ConversationView>): readonly [string, string | null] => {
      const it = said({ last_kind: "attachment", ...more });
      return it?.kind === "text" && it.icon !== undefined ? [it.text, it.icon.label] : ["", null];
    };
    expect(shown({ last_file: "image", last_text: "IMG_1.jpg\nFrom the gallery" })).toEqual(["From the gallery", "Photo"]);
    expect(shown({ last_file: "image", last_text: "IMG_1.jpg" })).toEqual(["Photo", null]);
    expect(shown({ last_file: "voice", last_text: "voice.webm" })).toEqual(["Voice message", null]);
    expect(shown({ last_file: "video", last_text: "a.mp4" })).toEqual(["Video", null]);
    expect(shown({ last_file: "file", last_text: "Evensong.pdf" })).toEqual(["Evensong.pdf", "File"]);
    expect(shown({ last_file: "audio", last_text: "song.mp3" })).toEqual(["song.mp3", "Audio"]);
  });

  it("can not be read, or is nothing at all", () => {
    expect(said({ last_kind: "unreadable", last_text: "" })).toEqual({ kind: "text", text: "A message that can not be read" });
    expect(said({ last_kind: null, last_author: null })).toBeNull();
  });

  it("is heard as it is read", () => {
    expect(saidIn({ kind: "text", text: "Hi" }, words)).toBe("Hi");
    const attachment = { file_name: "v.webm", media_type: "audio/webm", size: 1, available: true, kind: "voice" as const, width: 0, height: 0, duration_ms: 0, preview: "" };
    expect(saidIn({ kind: "attachment", text: "", attachment }, words)).toBe("Voice message");
    expect(saidIn({ kind: "unreadable", text: "" }, words)).toBe("A message that can not be read");
  });
});

describe("how a conversation is kept", () => {
  it("is quiet for some hours, a week or always, and no longer", () => {
    expect(mutedUntil("hours", 0)).toBe(8 * 3_600_000);
    expect(mutedUntil("week", 0)).toBe(7 * 86_400_000);
    expect(mutedUntil("always", 5)).toBe(ALWAYS_MS);
    expect(isMuted(view(1, { muted_until_ms: 10 }), 9)).toBe(true);
    expect(isMuted(view(1, { muted_until_ms: 10 }), 10)).toBe(false);
  });

  it("comes back from the archive as it was", () => {
    expect(backFromArchive(view(1, { pinned_ms: 4 }))).toEqual({ pinned: true });
    expect(backFromArchive(view(1))).toEqual({ archived: false });
  });

  it("is counted only where it is not quiet", () => {
    expect(unreadOf([view(1, { unread: 2 }), view(2, { unread: 5, muted_until_ms: NOW_MS + 1 }), view(3, { unread: 1, muted_until_ms: 1 })], NOW_MS)).toBe(3);
  });
});

describe("what was looked for", () => {
  it("is marked where a word begins so", () => {
    expect(marked("The rain in Spain rains", "Rain")).toEqual([
      { text: "The ", hit: false }, { text: "rain", hit: true }, { text: " in Spain ", hit: false }, { text: "rains", hit: true },
    ]);
    expect(marked("nothing", "rain")).toEqual([{ text: "nothing", hit: false }]);
    expect(marked("", "rain")).toEqual([]);
  });

  it("is in view, however far behind it stands", () => {
    const [first, second] = marked(`${"a long way ".repeat(30)}rain`, "rain");
    expect(first?.text.length).toBeLessThan(60);
    expect(first?.text.startsWith("…")).toBe(true);
    expect(second).toEqual({ text: "rain", hit: true });
  });
});

describe("small things", () => {
  it("a browser has a name", () => {
    expect(browserName("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox, Linux");
    expect(browserName("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Mobile Safari/537.36")).toBe("Chrome, Android");
    expect(browserName("something")).toBe("Browser");
  });

  it("a long code is read in groups", () => {
    expect(grouped("comity-link:AEHH-IZLT-QQ")).toEqual(["AEHH", "IZLT", "QQ"]);
  });

  it("a long code is whole, read by the camera or typed as it is shown", () => {
    const code = "comity-link:AEHH-IZLT-QQ";
    expect(linkCode(code)).toBe(code);
    expect(linkCode(` ${grouped(code).join(" ")}\n`)).toBe("comity-link:AEHHIZLTQQ");
    expect(linkCode(" \n")).toBe("");
  });

  it("an invitation is the same, however it was given", () => {
    const link = `comity:group/${"aZ09-_".repeat(13)}`;
    const address = inviteAddress(link, "https://talk.example");
    expect(address).toBe(`https://talk.example/#join/${"aZ09-_".repeat(13)}`);
    for (const given of [address, ` ${address}\n`, `  ${link} `, `https://talk.example/#join/${encodeURIComponent(link)}`, `https://other.example/#join/${link.slice(13)}`]) expect(invitationIn(given), given).toBe(link);
    expect(piecesOf(`Come: ${address}`).at(-1)).toEqual({ kind: "link", text: address, href: address });
  });

  it("an invitation has a form, and one of this app is known by its address", () => {
    const rest = "a".repeat(74);
    expect(isInvitation(`comity:group/${rest}`)).toBe(true);
    for (const wrong of ["", rest, `comity:group/${rest.slice(1)}`, `comity:group/${rest}%`, `https://talk.example/${rest}`, `comity:group/${"a".repeat(1012)}`]) expect(isInvitation(wrong), wrong).toBe(false);
    const mine = (href: string): string | undefined => ownInvitation(href, "https://talk.example");
    expect(mine(`https://talk.example/#join/${rest}`)).toBe(`comity:group/${rest}`);
    for (const other of [`https://other.example/#join/${rest}`, `https://talk.example.evil.example/#join/${rest}`, "https://talk.example/#join/short", "https://talk.example/#c/1", "https://talk.example/#join/%E0%A4%A"]) expect(mine(other), other).toBeUndefined();
  });

  it("a recording's bars are as loud as it was", () => {
    expect(loudness(new Float32Array([0, 0, 0.5, -0.5, 1, -1]), 3)).toEqual([0, 0.5, 1]);
    expect(loudness(new Float32Array(8), 2)).toEqual([0, 0]);
  });
});
