import { describe, expect, it } from "vitest";
import type { ConversationView } from "../../core/types";
import { speak } from "../../ui/words/context";
import { invitationIn } from "../groups/Join";
import { inviteAddress } from "../groups/Group";
import { grouped } from "../start/LinkThis";
import { linkCode } from "../yourself/Approve";
import { browserName } from "../start/names";
import { FIRST_HABITS } from "../state/kept";
import { loudness } from "../conversation/wave";
import { isArchived, listed, named, rowOf, titleIn } from "./lists";
import { marked } from "./marked";

const view = (conversation: number, more: Partial<ConversationView> = {}): ConversationView => ({
  conversation, kind: "direct", peer: `p${String(conversation)}`, title: `Name ${String(conversation)}`, state: "active", unread: 0, unread_mentions: 0,
  last_ms: conversation, last_text: "hello", last_author: null, delivered_seq: 0, read_seq: 0, blocked: false, timer_s: 0, ...more,
});
const ids = (views: readonly ConversationView[]): readonly number[] => views.map((it) => it.conversation);

describe("the list of conversations", () => {
  it("has pinned ones first, then the newest", () => {
    expect(ids(listed([view(1), view(2), view(3), view(4)], { ...FIRST_HABITS, pinned: [2, 1] }, false))).toEqual([2, 1, 4, 3]);
  });

  it("leaves out the archive, from where one comes back when somebody speaks", () => {
    const habits = { ...FIRST_HABITS, archived: [1, 2, 3], muted: [3] };
    const all = [view(1), view(2, { unread: 1 }), view(3, { unread: 9 }), view(4)];
    expect(ids(listed(all, habits, true))).toEqual([3, 1]);
    expect(ids(listed(all, habits, false))).toEqual([4, 2]);
    expect(isArchived(view(4), habits)).toBe(false);
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
    const base = { words, habits: FIRST_HABITS, own: "me", title: "T", nameOf: () => "Ana", draft: "", typing: [] };
    const group = view(1, { kind: "group", last_author: "a" });
    expect(rowOf(group, base).preview).toEqual({ kind: "text", text: "hello", author: "Ana" });
    expect(rowOf(group, { ...base, draft: "so" }).preview).toEqual({ kind: "draft", text: "so" });
    expect(rowOf(group, { ...base, draft: "so", typing: ["Ana"] }).preview).toEqual({ kind: "typing", names: ["Ana"] });
    expect(rowOf(view(1, { last_text: "", state: "asking" }), base).preview).toEqual({ kind: "text", text: "Waiting for an answer" });
    expect(rowOf(view(1), { ...base, habits: { ...FIRST_HABITS, markedUnread: [1] } }).unread).toBe(-1);
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
    const link = "comity-group:7Jc9/x y";
    expect(invitationIn(inviteAddress(link, "https://talk.example"))).toBe(link);
    expect(invitationIn(`  ${link} `)).toBe(link);
    expect(inviteAddress("https://talk.example/g/1", "https://talk.example")).toBe("https://talk.example/g/1");
  });

  it("a recording's bars are as loud as it was", () => {
    expect(loudness(new Float32Array([0, 0, 0.5, -0.5, 1, -1]), 3)).toEqual([0, 0.5, 1]);
    expect(loudness(new Float32Array(8), 2)).toEqual([0, 0]);
  });
});
