/** What acts do to the invented world, as far as a screen shows it. */
import { isInvitation } from "../../app/groups/invitation";
import type { Command, CoreEvent, Line } from "../../app/state/face";
import type { AttachmentView, ConversationSetting, ConversationView, GroupView, MemberView, Say } from "../../core/types";
import { NOW_MS } from "../samples";
import { refusal, type StageCore } from "./core";
import { face, fileOf } from "./files";
import { attachmentOf, groupOf, INVITATIONS, lineOf, memberOf, OWN, quoteOf, viewOf } from "./world";

type NameOf<One> = One extends string ? One : keyof One;
type GivenTo<One, Name> = One extends string ? never : Name extends keyof One ? One[Name] : never;
type CommandName = NameOf<Command>;
type Given<Name> = GivenTo<Command, Name>;

const PHRASE = "harbor quilt amber sketch orbit lemon velvet thunder cradle pepper glide winter";

/** Replaces one line. */
function amend(core: StageCore, conversation: number, message: string, change: (line: Line) => Line): void {
  const lines = core.chats.get(conversation)?.lines ?? [];
  core.put(conversation, lines.map((line) => (line.message === message ? change(line) : line)));
}

/** Without why it failed. */
function sentAgain(line: Line): Line {
  const sent: Line & { failure?: string } = { ...line, status: "sent" };
  delete sent.failure;
  return sent;
}

function where(core: StageCore, say: Say): number {
  if (say.to === "myself") return 8;
  if ("conversation" in say.to) return say.to.conversation;
  const { person } = say.to;
  for (const { view } of core.chats.values()) if (view.peer === person) return view.conversation;
  const id = Math.max(0, ...core.chats.keys()) + 1;
  const name = core.world.contacts.find((it) => it.address === person)?.name ?? person;
  core.chats.set(id, { view: viewOf(id, [], { peer: person, title: name, state: "asking" }), lines: [], members: [] });
  return id;
}

function react(line: Line, emoji: string): Line {
  const others = (line.reactions ?? []).filter((it) => it.author !== OWN);
  return { ...line, reactions: emoji === "" ? others : [...others, { author: OWN, emoji }] };
}

function fileSaid({ file_name, media_type, size, look }: Extract<Say["what"], { file: unknown }>["file"]): AttachmentView {
  const kind = look.voice ? "voice" : (["image", "video", "audio"] as const).find((it) => media_type.startsWith(`${it}/`)) ?? "file";
  return attachmentOf(kind, file_name, media_type, size, { width: look.width, height: look.height, duration_ms: look.duration_ms, preview: look.preview ?? "" });
}

function said(core: StageCore, say: Say): readonly CoreEvent[] {
  const conversation = where(core, say);
  const { what } = say;
  if ("react" in what) amend(core, conversation, what.react.target, (line) => react(line, what.react.emoji));
  else if ("edit" in what) amend(core, conversation, what.edit.target, (line) => ({ ...line, text: what.edit.text, edited: true }));
  else if ("delete" in what) amend(core, conversation, what.delete.target, (line) => ({ ...line, deleted: true, text: "" }));
  else {
    const base = { author: OWN, at_ms: NOW_MS, status: "sent" as const, ...(say.mentions !== undefined && { mentions: say.mentions.map((it) => ({ ...it, own: it.address === OWN })) }) };
    const quoted = core.chats.get(conversation)?.lines.find((line) => line.message === say.quote);
    const quote = quoted === undefined ? {} : { quote: quoteOf(quoted) };
    const line =
      "text" in what ? { ...base, ...quote, text: what.text }
      : "file" in what ? { ...base, ...quote, kind: "attachment" as const, text: what.file.caption, attachment: fileSaid(what.file) }
      : { ...base, forwarded: true, text: core.chats.get(what.forward.conversation)?.lines.find((it) => it.message === what.forward.message)?.text ?? "" };
    return [{ event: "item", conversation, item: core.say(conversation, line) }];
  }
  return [];
}

function contact(core: StageCore, address: string, change: { blocked?: boolean; verified?: boolean; accepted?: boolean }): void {
  core.world = { ...core.world, contacts: core.world.contacts.map((it) => (it.address === address ? { ...it, ...change } : it)) };
}

function setView(core: StageCore, conversation: number, change: (view: ConversationView) => Partial<ConversationView>): void {
  const chat = core.chats.get(conversation);
  if (chat === undefined) throw refusal("not_found");
  core.chats.set(conversation, { ...chat, view: { ...chat.view, ...change(chat.view) } });
}

function setKept(core: StageCore, conversation: number, setting: ConversationSetting): void {
  setView(core, conversation, () => {
    if ("pinned" in setting) return setting.pinned ? { pinned_ms: NOW_MS, archived: false } : { pinned_ms: 0 };
    if ("archived" in setting) return setting.archived ? { archived: true, pinned_ms: 0 } : { archived: false };
    return "muted_until" in setting ? { muted_until_ms: setting.muted_until } : { marked_unread: setting.marked_unread };
  });
}

/** A file that moves no more: its message was not sent. */
function stopTransfer(core: StageCore, transfer: number): void {
  const row = core.world.transfers.find((it) => it.transfer === transfer);
  if (row === undefined) throw refusal("not_found");
  core.world = { ...core.world, transfers: core.world.transfers.map((it) => (it === row ? { ...it, state: "failed", failure: "stopped" } : it)) };
  if (row.conversation !== null && row.message !== null) amend(core, row.conversation, row.message, (line) => ({ ...line, status: "failed", failure: "stopped" }));
}

function setGroup(core: StageCore, conversation: number, change: Partial<GroupView>): void {
  setView(core, conversation, ({ group }) => (group === undefined ? {} : { group: { ...group, ...change } }));
}

function setMembers(core: StageCore, conversation: number, change: (members: readonly MemberView[]) => readonly MemberView[]): void {
  const chat = core.chats.get(conversation);
  if (chat === undefined) throw refusal("not_found");
  const members = change(chat.members);
  core.chats.set(conversation, { ...chat, members });
  setGroup(core, conversation, { people: members.length });
}

function joined(core: StageCore, view: Partial<ConversationView>, members: readonly MemberView[]): readonly CoreEvent[] {
  const id = Math.max(0, ...core.chats.keys()) + 1;
  const lines = [lineOf({ author: OWN, at_ms: NOW_MS, kind: "notice", text: "group_created" })];
  core.chats.set(id, { view: viewOf(id, lines, { kind: "group", group: groupOf(members.length, { admin: true }), ...view }), lines, members });
  return [{ event: "conversation_changed", conversation: id }];
}

function answer(core: StageCore, address: string): void {
  core.world = { ...core.world, requests: core.world.requests.filter((it) => it.address !== address) };
}

const named = (core: StageCore, address: string): MemberView => memberOf(address, core.world.names.get(address) ?? address.slice(0, 8));

const table: { readonly [Name in CommandName]?: (core: StageCore, given: Given<Name>) => readonly CoreEvent[] } = {
  send: said,
  mark_read: (core, { conversation }) => { setView(core, conversation, () => ({ unread: 0, unread_mentions: 0, marked_unread: false })); return []; },
  set_conversation: (core, { conversation, setting }) => { setKept(core, conversation, setting); return []; },
  set_draft: (core, { conversation, draft }) => { setView(core, conversation, () => ({ draft })); return []; },
  stop_transfer: (core, transfer) => { stopTransfer(core, transfer); return []; },
  retry: (core, { conversation, message }) => { amend(core, conversation, message, (line) => sentAgain(line)); return []; },
  accept: (core, address) => {
    const request = core.world.requests.find((it) => it.address === address);
    const id = Math.max(0, ...core.chats.keys()) + 1;
    const lines = [lineOf({ author: address, at_ms: request?.at_ms ?? NOW_MS, text: request?.text ?? "" })];
    core.chats.set(id, { view: viewOf(id, lines, { peer: address, title: request?.name ?? "" }), lines, members: [] });
    answer(core, address);
    core.tell({ event: "conversation_changed", conversation: id });
    return [];
  },
  decline: (core, address) => { answer(core, address); return []; },
  block: (core, { address, blocked }) => {
    answer(core, address);
    contact(core, address, { blocked });
    for (const { view } of [...core.chats.values()]) if (view.peer === address) setView(core, view.conversation, () => ({ blocked }));
    return [];
  },
  verify: (core, address) => { contact(core, address, { verified: true }); return []; },
  report: (core) => { core.tell({ event: "reported" }); return []; },
  lookup: (core, { number }) => {
    const found = core.world.contacts.find((it) => it.number.replace(/\D/g, "").endsWith(number.replace(/\D/g, "")));
    core.tell(found === undefined ? { event: "failed", act: "lookup", code: "not_found", message: "nobody", retry_after_ms: 0 } : { event: "found", contact: found });
    return [];
  },
  save_attachment: (core, { conversation, message, path }) => {
    core.fetch(path, fileOf(core.chats.get(conversation)?.lines.find((line) => line.message === message)?.attachment?.media_type ?? ""), { conversation, message });
    return [];
  },
  save_group_photo: (core, { path }) => { core.fetch(path, fileOf("image/svg+xml")); return []; },
  save_photo: (core, { path }) => { core.fetch(path, face()); return []; },
  create_group: (core, { details, members, permissions }) => joined(core, { title: details.name ?? "", group: groupOf(members.length + 1, { admin: true, permissions, description: details.description ?? "" }) }, [named(core, OWN), ...members.map((it) => named(core, it))]),
  add_members: (core, { conversation, members }) => { setMembers(core, conversation, (was) => [...was, ...members.map((it) => named(core, it))]); return []; },
  remove_member: (core, { conversation, member }) => { setMembers(core, conversation, (was) => was.filter((it) => it.address !== member)); return []; },
  set_role: (core, { conversation, member, admin }) => { setMembers(core, conversation, (was) => was.map((it) => (it.address === member ? { ...it, admin } : it))); return []; },
  set_permissions: (core, { conversation, permissions }) => { setGroup(core, conversation, { permissions }); return []; },
  set_group_details: (core, { conversation, details }) => {
    setView(core, conversation, (view) => ({ title: details.name ?? view.title, timer_s: details.expires_after_s ?? view.timer_s }));
    if (details.description !== undefined) setGroup(core, conversation, { description: details.description });
    return [];
  },
  make_invitation: (core, { conversation }) => { setGroup(core, conversation, { link: INVITATIONS.own }); return []; },
  revoke_invitation: (core, { conversation }) => { setGroup(core, conversation, { link: null }); return []; },
  join_by_invitation: (core, { link }) => {
    if (!isInvitation(link)) throw refusal("refused");
    if (link === INVITATIONS.over) {
      core.tell({ event: "failed", act: "join_by_invitation", code: "forbidden", message: "the link does not hold", retry_after_ms: 0 });
      return [];
    }
    return joined(core, { title: "", state: "active", group: groupOf(5, { details_arriving: true }) }, [named(core, OWN)]);
  },
  leave_group: (core, { conversation }) => { setView(core, conversation, () => ({ state: "left" })); return []; },
  set_profile: (core, { name, about }) => { if (core.account !== null) core.account = { ...core.account, name: name ?? core.account.name, about: about ?? core.account.about }; return []; },
  remove_device: (core, device) => { if (core.account !== null) core.account = { ...core.account, devices: core.account.devices.filter((it) => it.device !== device) }; return []; },
  promote_device: (core, device) => { if (core.account !== null) core.account = { ...core.account, devices: core.account.devices.map((it) => (it.device === device ? { ...it, owner: true } : it)) }; return []; },
  make_recovery_phrase: (core) => { core.tell({ event: "recovery_phrase", phrase: PHRASE }); return []; },
  approve_link: (core, { code }) => {
    core.tell(code.length < 12 ? { event: "failed", act: "approve_link", code: "code_wrong", message: "too short", retry_after_ms: 0 } : { event: "linked", device: "d4", name: "Chrome, Android" });
    return [];
  },
  start_registration: (core, { number }) => {
    const digits = number.replace(/\D/g, "");
    core.tell(digits.length < 5 ? { event: "failed", act: "register", code: "number_invalid", message: "short", retry_after_ms: 0 } : { event: "code_sent", number: `+1 ${number}`, expires_ms: NOW_MS + 600_000 });
    return [];
  },
  enter_code: (core, { code, name }) => {
    if (code === "000000") core.tell({ event: "failed", act: "code", code: "code_wrong", message: "not it", retry_after_ms: 0 });
    else if (code === "111111") core.tell({ event: "number_has_account", recoverable: true, locked_until_ms: null });
    else core.account = { ...core.world.account, name };
    return [];
  },
  recover: (core) => { core.account = core.world.account; return []; },
  take_over: (core) => { core.account = core.world.account; return []; },
  start_link: () => [{ event: "link_code", code: "comity-link:7JC9HTNQ2MXW5VKD8YPQ4RZB6FGLS3E", expires_ms: NOW_MS + 600_000 }],
  change_number: (core) => { core.tell({ event: "saved", what: "number" }); return []; },
  delete_account: (core) => { core.tell({ event: "erased", reason: "deleted" }); return []; },
};

/** Does it; acts that no screen shows anything of do nothing here. */
export function acts(core: StageCore, command: Command): readonly CoreEvent[] {
  const name = (typeof command === "string" ? command : Object.keys(command)[0]) as CommandName;
  const given: unknown = typeof command === "string" ? undefined : Object.values(command)[0];
  const does = table[name] as ((core: StageCore, given: unknown) => readonly CoreEvent[]) | undefined;
  return does?.(core, given) ?? [];
}
