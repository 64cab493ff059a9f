// Generated from crates/client-web by `cargo xtask codegen`: not to be edited.

export type Address = string;
export type ConversationId = string;
export type DeviceId = string;
export type MessageId = string;

/**
 * The own account on this device.
 */
export type AccountView = { 
/**
 * Own address.
 */
address: Address, 
/**
 * Own number.
 */
number: string, 
/**
 * Own name.
 */
name: string, 
/**
 * Own about line.
 */
about: string, 
/**
 * This device.
 */
device: DeviceId, 
/**
 * It may change the device list.
 */
owner: boolean, 
/**
 * All devices.
 */
devices: Array<DeviceView>, 
/**
 * Names the own picture, where there is one; another picture has another name.
 */
photo: string | null, };

/**
 * An answer to the question with this number.
 */
export type Answer = { 
/**
 * The question's.
 */
id: number, 
/**
 * What [`answers`] says of the question.
 */
ok?: unknown, 
/**
 * Why there is none.
 */
error?: Refusal, };

/**
 * What a tab can ask. [`answers`] tells the type of each answer.
 */
export type Ask = { "do": Command } | "account" | "code_ordered" | { "contact": Address } | { "members": number } | { "groups_with": Address } | { "mentionable": number } | "names" | { "timeline": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The line after the last one wanted; absent for the newest.
 */
before?: MessageId, 
/**
 * The line before the first one wanted, in place of `before`.
 */
after?: MessageId, 
/**
 * At most this many.
 */
limit: number, } } | { "item": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The message.
 */
message: MessageId, } } | { "info": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The message.
 */
message: MessageId, } } | { "search": { 
/**
 * As typed.
 */
query: string, 
/**
 * At most this many.
 */
limit: number, } } | "unsent" | { "watch": { 
/**
 * Names it.
 */
watch: number, 
/**
 * What.
 */
view: View, } } | { "unwatch": number };

/**
 * A file in a message.
 */
export type AttachmentView = { 
/**
 * Its name.
 */
file_name: string, 
/**
 * IANA media type.
 */
media_type: string, 
/**
 * Bytes.
 */
size: number, 
/**
 * It can be fetched.
 */
available: boolean, 
/**
 * What its sender says that it is.
 */
kind: FileKind, 
/**
 * Pixels, as its sender says; 0: not known.
 */
width: number, 
/**
 * Pixels, as its sender says; 0: not known.
 */
height: number, 
/**
 * How long it plays, as its sender says; 0: not known.
 */
duration_ms: number, 
/**
 * A tiny blurred picture, base64url, to show before the file is there; empty: none.
 */
preview: string, };

/**
 * How a watched view changed.
 */
export type Change = { "snapshot": unknown } | { "rows": Rows } | { "refused": Refusal };

/**
 * A code that is on its way.
 */
export type CodeOrdered = { 
/**
 * E.164.
 */
number: string, 
/**
 * Good until then.
 */
expires_ms: number, };

/**
 * A person's act.
 */
export type Command = "go_on_here" | { "start_registration": { 
/**
 * As typed.
 */
number: string, 
/**
 * ISO 3166-1 alpha-2, for numbers without a country code.
 */
country: string | null, } } | { "enter_code": { 
/**
 * Six digits.
 */
code: string, 
/**
 * The person's name, for the profile.
 */
name: string, } } | { "recover": { 
/**
 * Twelve words.
 */
phrase: string, } } | { "take_over": { 
/**
 * Of the registration lock, when there is one.
 */
passphrase: string | null, } } | { "name_device": string } | { "start_link": { 
/**
 * Shown in the device list.
 */
device_name: string, } } | { "approve_link": { 
/**
 * As shown by the new device.
 */
code: string, } } | { "remove_device": DeviceId } | { "promote_device": DeviceId } | { "set_profile": { 
/**
 * At most 64 characters.
 */
name: string | null, 
/**
 * At most 140 characters.
 */
about: string | null, } } | { "set_photo": { 
/**
 * A file that the shell can read; absent removes the photo.
 */
path: string | null, 
/**
 * Its size in bytes.
 */
size: number, 
/**
 * Its media type.
 */
media_type: string, } } | "make_recovery_phrase" | { "set_registration_lock": string | null } | { "change_number": { 
/**
 * Six digits.
 */
code: string, } } | "delete_account" | { "lookup": { 
/**
 * As typed.
 */
number: string, 
/**
 * ISO 3166-1 alpha-2.
 */
country: string | null, } } | { "send": Say } | { "accept": Address } | { "decline": Address } | { "block": { 
/**
 * Whom.
 */
address: Address, 
/**
 * True to block.
 */
blocked: boolean, } } | { "verify": Address } | { "report": { 
/**
 * Who wrote them.
 */
address: Address, 
/**
 * Which; empty for the request.
 */
messages: Array<MessageId>, 
/**
 * In the reporter's words.
 */
reason: string, } } | { "mark_read": { 
/**
 * Local id of the conversation.
 */
conversation: number, } } | { "set_conversation": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * What.
 */
setting: ConversationSetting, } } | { "set_draft": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * Absent when nothing is left of it.
 */
draft: DraftView | null, } } | { "typing": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * Typing now.
 */
typing: boolean, } } | { "save_attachment": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The message that has it.
 */
message: MessageId, 
/**
 * Where to; it must not exist.
 */
path: string, } } | { "stop_transfer": number } | { "save_photo": { 
/**
 * Whose.
 */
address: Address, 
/**
 * Where to; it must not exist.
 */
path: string, } } | { "create_group": { 
/**
 * With a name.
 */
details: GroupDetails, 
/**
 * Who is in it besides oneself: people who agreed to talk.
 */
members: Array<Address>, 
/**
 * What members may do.
 */
permissions: PermissionsView, } } | { "add_members": { 
/**
 * Local id of the group.
 */
conversation: number, 
/**
 * People who agreed to talk.
 */
members: Array<Address>, } } | { "remove_member": { 
/**
 * Local id of the group.
 */
conversation: number, 
/**
 * Whom.
 */
member: Address, } } | { "set_role": { 
/**
 * Local id of the group.
 */
conversation: number, 
/**
 * Whom; oneself, to lay the office down.
 */
member: Address, 
/**
 * An admin from now on.
 */
admin: boolean, } } | { "set_permissions": { 
/**
 * Local id of the group.
 */
conversation: number, 
/**
 * All of them.
 */
permissions: PermissionsView, } } | { "set_group_details": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * What is absent stays.
 */
details: GroupDetails, } } | { "set_group_photo": { 
/**
 * Local id of the group.
 */
conversation: number, 
/**
 * A file that the shell can read; absent removes the picture.
 */
path: string | null, 
/**
 * Its size in bytes.
 */
size: number, 
/**
 * Its media type.
 */
media_type: string, } } | { "save_group_photo": { 
/**
 * Local id of the group.
 */
conversation: number, 
/**
 * Where to; it must not exist.
 */
path: string, } } | { "make_invitation": { 
/**
 * Local id of the group.
 */
conversation: number, } } | { "revoke_invitation": { 
/**
 * Local id of the group.
 */
conversation: number, } } | { "join_by_invitation": { 
/**
 * The link.
 */
link: string, } } | { "leave_group": { 
/**
 * Local id of the group.
 */
conversation: number, } } | { "retry": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The message.
 */
message: MessageId, } };

/**
 * A person.
 */
export type ContactView = { 
/**
 * Where they are.
 */
address: Address, 
/**
 * The number they were found by.
 */
number: string, 
/**
 * Their name, from their profile.
 */
name: string, 
/**
 * Their about line.
 */
about: string, 
/**
 * Both sides agreed to talk.
 */
accepted: boolean, 
/**
 * Blocked by the own account.
 */
blocked: boolean, 
/**
 * The safety number was compared and still holds.
 */
verified: boolean, 
/**
 * Their number belongs to someone else now.
 */
number_moved: boolean, 
/**
 * 60 digits in 12 groups.
 */
safety_number: string, 
/**
 * Devices they have.
 */
devices: number, 
/**
 * Names their picture, where they have one; another picture has another name.
 */
photo: string | null, };

/**
 * How a conversation is kept.
 */
export type ConversationSetting = { "pinned": boolean } | { "archived": boolean } | { "muted_until": number } | { "marked_unread": boolean };

/**
 * A conversation.
 */
export type ConversationView = { 
/**
 * Local id.
 */
conversation: number, 
/**
 * `self`, `direct` or `group`.
 */
kind: string, 
/**
 * The other person of a one-to-one conversation.
 */
peer: Address | null, 
/**
 * How it is called here; empty while a group's details are arriving.
 */
title: string, 
/**
 * `asking`, `creating`, `active`, `rejoining`, `known`, `left`, `refused`.
 */
state: string, 
/**
 * Unread messages.
 */
unread: number, 
/**
 * Those of them that mention the own account.
 */
unread_mentions: number, 
/**
 * Time of the newest message.
 */
last_ms: number, 
/**
 * The newest line's text; of a file its name, and its caption behind a line break.
 */
last_text: string, 
/**
 * Who said it; absent where nothing was said.
 */
last_author: Address | null, 
/**
 * Kind of the newest line; absent where nothing was said.
 */
last_kind: ItemKind | null, 
/**
 * How far the newest line is, where it is an own one.
 */
last_status: Status | null, 
/**
 * It was taken back, and has no text any more.
 */
last_deleted: boolean, 
/**
 * What it brings, where it brings a file.
 */
last_file: FileKind | null, 
/**
 * Since when it stands above the others; 0: it does not.
 */
pinned_ms: number, 
/**
 * It is put away.
 */
archived: boolean, 
/**
 * No notification is shown of it until then; 0: they are.
 */
muted_until_ms: number, 
/**
 * The person wants to look again.
 */
marked_unread: boolean, 
/**
 * What was begun to be written.
 */
draft: DraftView | null, 
/**
 * Up to which entry the furthest device of the others has it.
 */
delivered_seq: number, 
/**
 * Up to which entry the others read it.
 */
read_seq: number, 
/**
 * The person is blocked.
 */
blocked: boolean, 
/**
 * Seconds after which messages vanish; 0: they stay.
 */
timer_s: number, 
/**
 * Of a group only.
 */
group?: GroupView, };

/**
 * One of the own devices.
 */
export type DeviceView = { 
/**
 * Its id.
 */
device: DeviceId, 
/**
 * Its name, where this device knows it.
 */
name: string, 
/**
 * It may change the device list.
 */
owner: boolean, 
/**
 * The one that is asked.
 */
this: boolean, 
/**
 * When it was added.
 */
added_ms: number, };

/**
 * What somebody began to write.
 */
export type DraftView = { 
/**
 * So far.
 */
text: string, 
/**
 * The message that it answers.
 */
quote?: MessageId, };

/**
 * What a person should notice. The JSON form is part of the terminal client's face.
 */
export type Event = { "event": "code_sent", 
/**
 * E.164.
 */
number: string, 
/**
 * Good until then.
 */
expires_ms: number, } | { "event": "number_has_account", 
/**
 * It made a recovery phrase.
 */
recoverable: boolean, 
/**
 * A take-over needs the passphrase until then.
 */
locked_until_ms: number | null, } | { "event": "number_lost", 
/**
 * The number that it had.
 */
number: string, } | { "event": "ready", 
/**
 * Own address.
 */
address: Address, 
/**
 * Own number.
 */
number: string, } | { "event": "link_code", 
/**
 * Text, also for a QR.
 */
code: string, 
/**
 * Good until then.
 */
expires_ms: number, } | { "event": "linked", 
/**
 * Which.
 */
device: DeviceId, 
/**
 * Its name.
 */
name: string, } | { "event": "recovery_phrase", 
/**
 * Twelve words.
 */
phrase: string, } | { "event": "saved", 
/**
 * Which.
 */
what: string, } | { "event": "online" } | { "event": "offline" } | { "event": "gone", 
/**
 * `device_revoked` or `account_gone`.
 */
reason: string, } | { "event": "erased", 
/**
 * `deleted` by this device, or `device_revoked`: proved by the account's signed device list.
 */
reason: string, } | { "event": "found", 
/**
 * Who.
 */
contact: ContactView, } | { "event": "request", 
/**
 * What they say.
 */
request: RequestView, } | { "event": "accepted", 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * Who.
 */
address: Address, } | { "event": "item", 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The line.
 */
item: TimelineItem, } | { "event": "item_changed", 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The line as it is now.
 */
item: TimelineItem, } | { "event": "expired", 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The message.
 */
message: MessageId, } | { "event": "conversation_changed", 
/**
 * Local id of the conversation.
 */
conversation: number, } | { "event": "contact_changed", 
/**
 * Who.
 */
address: Address, } | { "event": "invitation", 
/**
 * Local id of the group.
 */
conversation: number, 
/**
 * The link.
 */
link: string, } | { "event": "receipt", 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * Whose device.
 */
address: Address, 
/**
 * Everything of ours up to here is on it.
 */
delivered_seq: number, 
/**
 * Everything up to here was read on it.
 */
read_seq: number, } | { "event": "typing", 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * Who.
 */
address: Address, 
/**
 * Typing now.
 */
typing: boolean, } | { "event": "root_changed", 
/**
 * Who.
 */
address: Address, } | { "event": "devices_changed", 
/**
 * Who.
 */
address: Address, 
/**
 * New devices.
 */
added: Array<DeviceId>, 
/**
 * Devices that are gone.
 */
removed: Array<DeviceId>, } | { "event": "transfer", 
/**
 * Names the transfer.
 */
transfer: number, 
/**
 * The conversation whose message it moves the file of.
 */
conversation: number | null, 
/**
 * The message.
 */
message: MessageId | null, 
/**
 * To the app, not from it.
 */
upload: boolean, 
/**
 * Bytes through.
 */
done_bytes: number, 
/**
 * Bytes in all.
 */
total_bytes: number, 
/**
 * `running`, `done`, `failed`.
 */
state: string, 
/**
 * Where it is, when it was saved to a file.
 */
path: string | null, 
/**
 * Stable code of why it failed, when it did: see [`Input::TransferFailed`](crate::Input).
 */
failure: string | null, } | { "event": "history_progress", 
/**
 * Parts here.
 */
done: number, 
/**
 * Parts in all.
 */
total: number, } | { "event": "reported" } | { "event": "warning", 
/**
 * Stable code, see docs/protocol.md.
 */
code: string, 
/**
 * Conversation, when it is about one.
 */
conversation: number | null, } | { "event": "failed", 
/**
 * The act.
 */
act: string, 
/**
 * Stable code.
 */
code: string, 
/**
 * For developers.
 */
message: string, 
/**
 * Wait this long before trying again; 0 when that will not help.
 */
retry_after_ms: number, };

/**
 * What a file is.
 */
export type FileKind = "file" | "image" | "video" | "audio" | "voice" | "sticker";

/**
 * What a file belongs to. There is one of each at a time.
 */
export type FileOf = { "message": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The message.
 */
message: MessageId, } } | { "person": Address } | { "group": number };

/**
 * A line that was found.
 */
export type FoundLine = { 
/**
 * Local id of the conversation that it stands in.
 */
conversation: number, 
/**
 * The line.
 */
item: TimelineItem, };

/**
 * What a conversation is called, and how long its messages stay. What is absent stays as it is.
 */
export type GroupDetails = { 
/**
 * At most 100 characters; of a group only.
 */
name?: string, 
/**
 * At most 512 characters; of a group only.
 */
description?: string, 
/**
 * Seconds after which messages vanish; 0: they stay.
 */
expires_after_s?: number, };

/**
 * What a group is besides its members.
 */
export type GroupView = { 
/**
 * What it is about.
 */
description: string, 
/**
 * Names its picture, where it has one; another picture has another name.
 */
photo: string | null, 
/**
 * Accounts in it.
 */
people: number, 
/**
 * Devices in it.
 */
devices: number, 
/**
 * The own account acts as an admin.
 */
admin: boolean, 
/**
 * What members may do who are no admins.
 */
permissions: PermissionsView, 
/**
 * The invitation link, where there is one and this device knows it.
 */
link: string | null, 
/**
 * The own account leaves; somebody has yet to commit it.
 */
leaving: boolean, 
/**
 * Who joined from outside can not read name, description, picture and timer before a member
 * who knows them was there: until then nothing is known of them.
 */
details_arriving: boolean, };

/**
 * A message, and how far it came.
 */
export type InfoView = { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The line.
 */
item: TimelineItem, 
/**
 * Of an own message: the others who were there when it was said.
 */
people: Array<ReachView>, 
/**
 * False where this device came into the group after it was said: it does not know who was there,
 * and `people` is empty.
 */
people_known: boolean, };

/**
 * Kind of a timeline's line.
 */
export type ItemKind = "text" | "attachment" | "notice" | "unreadable" | "unknown";

/**
 * How the device is connected.
 */
export type LinkView = { 
/**
 * Signed in and caught up with what there was.
 */
online: boolean, 
/**
 * A connection is wanted: a device that is signed up, or signing up.
 */
wanted: boolean, 
/**
 * When the next attempt to connect is made, while there is none.
 */
retry_ms: number | null, 
/**
 * The store was given up: `account_gone`, `device_revoked`, `deleted`.
 */
ended: string | null, };

/**
 * What is known of a picture, a video or a sound without opening it.
 */
export type Look = { 
/**
 * Pixels; 0: not known.
 */
width: number, 
/**
 * Pixels; 0: not known.
 */
height: number, 
/**
 * How long it plays; 0: not known.
 */
duration_ms: number, 
/**
 * A tiny blurred picture, base64url; at most 4 KiB.
 */
preview?: string, 
/**
 * Somebody speaks: a voice note.
 */
voice: boolean, };

/**
 * Somebody in a group.
 */
export type MemberView = { 
/**
 * Who.
 */
address: Address, 
/**
 * Their name, where it is known here.
 */
name: string, 
/**
 * Their number, where it is known here.
 */
number: string, 
/**
 * Acts as an admin.
 */
admin: boolean, 
/**
 * The own account.
 */
own: boolean, 
/**
 * Devices of theirs in the group.
 */
devices: number, };

/**
 * A part of a text that names a member.
 */
export type Mention = { 
/**
 * Where it begins, in UTF-8 bytes of the text.
 */
start: number, 
/**
 * Bytes that it covers.
 */
length: number, 
/**
 * Who is meant.
 */
address: Address, };

/**
 * A part of a text that names a member.
 */
export type MentionView = { 
/**
 * Where it begins, in UTF-8 bytes of the text.
 */
start: number, 
/**
 * Bytes that it covers.
 */
length: number, 
/**
 * Who is meant.
 */
address: Address, 
/**
 * It is the own account.
 */
own: boolean, };

/**
 * How somebody is called here.
 */
export type Named = { 
/**
 * Who.
 */
address: Address, 
/**
 * By name or number; `you` for the own account.
 */
name: string, };

/**
 * Permissions of a group.
 */
export type PermissionsView = { 
/**
 * Members add people.
 */
members_add: boolean, 
/**
 * Members change name, description, picture and timer.
 */
members_edit: boolean, 
/**
 * Only admins say something.
 */
only_admins_speak: boolean, 
/**
 * Who joins gets earlier messages.
 */
history_for_new: boolean, };

/**
 * With how many of the others a line of a group is how far.
 */
export type ProgressView = { 
/**
 * The others who were there when it was said, and still are.
 */
people: number, 
/**
 * Those of them who have it on a device.
 */
delivered: number, 
/**
 * Those of them who read it.
 */
read: number, };

/**
 * What a tab says to the core, with a number by which it is answered.
 */
export type Question = { 
/**
 * Counted by the tab; the answer carries it.
 */
id: number, 
/**
 * What is asked.
 */
ask: Ask, };

/**
 * What a message answers.
 */
export type QuoteView = { 
/**
 * The quoted message.
 */
message: MessageId | null, 
/**
 * Who said it: of the message as this device has it, else as its quoter says.
 */
author: Address | null, 
/**
 * Its beginning: of the message as this device has it, else as its quoter says it was.
 */
preview: string, 
/**
 * This device has the quoted message.
 */
known: boolean, 
/**
 * It was taken back.
 */
deleted: boolean, };

/**
 * How far a message came with somebody.
 */
export type ReachView = { 
/**
 * Who.
 */
address: Address, 
/**
 * One of their devices has it.
 */
delivered: boolean, 
/**
 * They read it on one of them.
 */
read: boolean, };

/**
 * A reaction.
 */
export type ReactionView = { 
/**
 * Who.
 */
author: Address, 
/**
 * One emoji.
 */
emoji: string, };

/**
 * Why a question has no answer.
 */
export type Refusal = { 
/**
 * Stable: the core's codes, and `malformed` for a question that is none.
 */
code: string, 
/**
 * For developers.
 */
message: string, };

/**
 * A stranger who asks to talk.
 */
export type RequestView = { 
/**
 * Who.
 */
address: Address, 
/**
 * What they call themselves.
 */
name: string, 
/**
 * The number that they say is theirs.
 */
number: string, 
/**
 * The app says so too: it was asked who has this number.
 */
number_confirmed: boolean, 
/**
 * What they say.
 */
text: string, 
/**
 * When the app took it.
 */
at_ms: number, };

/**
 * A row of a list.
 */
export type Row = { 
/**
 * Its place in the list, from 0.
 */
at: number, 
/**
 * What it stays the same by: a conversation's id, an address, a message's id, a transfer's.
 */
key: string, 
/**
 * What it shows.
 */
row: unknown, };

/**
 * The change of a list: first `gone` leave, then `put` come in, in their order, then `set` are
 * replaced. A row that moves is in `gone` and in `put`.
 */
export type Rows = { 
/**
 * Keys of rows that leave.
 */
gone: Array<string>, 
/**
 * Rows that come in; each `at` is right once those before it are in.
 */
put: Array<Row>, 
/**
 * Rows that changed in place.
 */
set: Array<Row>, 
/**
 * What is there now is not all: a long list of conversations is told in parts.
 */
more: boolean, };

/**
 * Something to say.
 */
export type Say = { 
/**
 * To whom.
 */
to: Whom, 
/**
 * Quoted message.
 */
quote?: MessageId, 
/**
 * Names the message; drawn when absent. With a name a repeated command says it once.
 */
id?: MessageId, 
/**
 * Members that a text, or the text with a file, names.
 */
mentions?: Array<Mention>, 
/**
 * What.
 */
what: What, };

/**
 * How far a line is.
 */
export type Status = "queued" | "sent" | "delivered" | "read" | "failed" | "received";

/**
 * A line of a timeline.
 */
export type TimelineItem = { 
/**
 * Names the message for replies, reactions, edits.
 */
message: MessageId, 
/**
 * Place in the log; absent while queued.
 */
seq: number | null, 
/**
 * Kind of line.
 */
kind: ItemKind, 
/**
 * Who.
 */
author: Address, 
/**
 * By the own account.
 */
outgoing: boolean, 
/**
 * When the app took it, or when it was written while queued.
 */
at_ms: number, 
/**
 * How far it is.
 */
status: Status, 
/**
 * Of an own line of a group that the app has: with how many of the others it is how far.
 */
progress?: ProgressView, 
/**
 * The text; of a file its caption.
 */
text: string, 
/**
 * It was edited.
 */
edited: boolean, 
/**
 * It was taken back.
 */
deleted: boolean, 
/**
 * Why it failed or is unreadable.
 */
failure?: string, 
/**
 * Text of the quoted message.
 */
quote?: QuoteView, 
/**
 * The file.
 */
attachment?: AttachmentView, 
/**
 * Emoji and who set it.
 */
reactions?: Array<ReactionView>, 
/**
 * Parts of the text that name a member.
 */
mentions?: Array<MentionView>, 
/**
 * The member who gave it to this account, which joined later: nobody else vouches for it.
 */
told_by?: Address, 
/**
 * When it disappears.
 */
expires_ms?: number, 
/**
 * Said before, somewhere else.
 */
forwarded?: boolean, };

/**
 * What the core says to a tab.
 */
export type Told = { "answer": Answer } | { "change": { 
/**
 * The tab's name of it.
 */
watch: number, 
/**
 * How.
 */
change: Change, } } | { "event": Event };

/**
 * A transfer.
 */
export type TransferView = { 
/**
 * Names it.
 */
transfer: number, 
/**
 * The conversation whose message it moves the file of.
 */
conversation: number | null, 
/**
 * The message.
 */
message: MessageId | null, 
/**
 * To the app, not from it.
 */
upload: boolean, 
/**
 * Bytes through.
 */
done_bytes: number, 
/**
 * Bytes in all.
 */
total_bytes: number, 
/**
 * `waiting`, `done`, `failed`.
 */
state: string, 
/**
 * The file.
 */
path: string | null, 
/**
 * Stable code of why it failed, where it did; `stopped`: its person stopped it.
 */
failure: string | null, };

/**
 * What can be watched.
 */
export type View = "account" | "link" | "conversations" | "contacts" | "requests" | "transfers" | { "timeline": { 
/**
 * Local id of the conversation.
 */
conversation: number, 
/**
 * The line after the window; absent for a window that ends with the newest line.
 */
before?: MessageId, 
/**
 * The line before the window, in place of `before`: what comes after it.
 */
after?: MessageId, 
/**
 * Lines in the window, at most.
 */
limit: number, } };

/**
 * What is said.
 */
export type What = { "text": string } | { "react": { 
/**
 * The message.
 */
target: MessageId, 
/**
 * One emoji.
 */
emoji: string, } } | { "edit": { 
/**
 * The message.
 */
target: MessageId, 
/**
 * The new text.
 */
text: string, } } | { "delete": { 
/**
 * The message.
 */
target: MessageId, } } | { "forward": { 
/**
 * Local id of the conversation that it stands in.
 */
conversation: number, 
/**
 * The message.
 */
message: MessageId, } } | { "file": { 
/**
 * Where the shell reads it.
 */
path: string, 
/**
 * Shown name.
 */
file_name: string, 
/**
 * IANA media type.
 */
media_type: string, 
/**
 * Bytes.
 */
size: number, 
/**
 * Text with it.
 */
caption: string, 
/**
 * What a screen shows before the file is there.
 */
look: Look, } };

/**
 * To whom.
 */
export type Whom = { "conversation": number } | { "person": Address } | "myself";

/** The answer to each question. */
export interface Answers {
  do: Array<Event>;
  account: AccountView | null;
  code_ordered: CodeOrdered | null;
  contact: ContactView | null;
  members: Array<MemberView>;
  groups_with: Array<number>;
  mentionable: Array<Named>;
  names: Array<Named>;
  timeline: Array<TimelineItem>;
  item: TimelineItem | null;
  info: InfoView;
  search: Array<FoundLine>;
  unsent: number;
  watch: null;
  unwatch: null;
}

/** What each view shows: a snapshot, or the rows of a list. */
export interface Views {
  account: AccountView | null;
  link: LinkView;
  conversations: ConversationView;
  contacts: ContactView;
  requests: RequestView;
  transfers: TransferView;
  timeline: TimelineItem;
}
