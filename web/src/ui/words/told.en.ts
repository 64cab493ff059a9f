/**
 * What the core tells by a code, in English sentences that say what to do: notices, warnings, failures.
 * `told.ar.ts` has the same in Arabic. The codes are those of `docs/terminal-client.md` and
 * `docs/protocol.md`.
 *
 * Always holds: a code that is not known has a sentence, too.
 */
import { Format, isolate } from "./format";

/** What a notice is about. */
export interface NoticeWords {
  /** Oneself did it. */
  readonly own: boolean;
  /** Who did it. */
  readonly who: string;
  /** Whom it was done to, or what was set. */
  readonly whom: string;
  readonly ownWhom: boolean;
  readonly count: number;
  /** A time in words; empty for none. */
  readonly span: string;
}

export type Sentences = Readonly<Record<string, string>>;
export type Notices = Readonly<Record<string, (it: NoticeWords) => string>>;
export interface Said {
  readonly title: string;
  readonly text: string;
}

/** The entry of `table` under `code`. A code is never a name of JavaScript's own. */
export function entry<T>(table: Readonly<Record<string, T>>, code: string): T | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}

const you = (it: NoticeWords, own: string, other: (who: string) => string): string => (it.own ? own : other(isolate(it.who)));

const notices = (format: Format): Notices => ({
  device_added: (it) => you(it, "You use a new device.", (who) => `${who} uses a new device. Compare your safety number when you meet.`),
  device_removed: (it) => you(it, "One of your devices is gone.", (who) => `${who} no longer uses one of their devices.`),
  device_recovered: () => "Your account was recovered with its words, on a new device. If that was not you, remove it under Devices and make new words.",
  owner_added: () => "One more device of yours may change your devices. If you did not do that, remove it under Devices and make new recovery words.",
  owner_removed: () => "One of your devices may no longer change your devices.",
  number_moved: (it) => `${isolate(it.who)}’s number belongs to somebody else now. Compare the safety number before you go on.`,
  number_lost: () => "Your number belongs to another account now. People no longer find you by it.",
  account_gone: (it) => `${isolate(it.who)} deleted their account. This conversation has ended.`,
  gap: () => "Some messages may be missing here. What others still have of them comes by itself.",
  healing: () => "This conversation is being repaired.",
  healed: () => "This conversation was repaired.",
  history_differs: () => "Somebody saw other messages here than you did. The server may have dropped or changed some.",
  again_contradicted: (it) => `${isolate(it.who)} and somebody else both say that one message here was theirs. One of them does not tell the truth.`,
  rolled_back: () => "The server lost or hid the newest messages of this conversation.",
  rewritten: () => "The server has something else now in place of what it gave you before. It may tell two stories.",
  withheld: () => "The server keeps back messages of this conversation. What comes after them can not be shown.",
  removed_you: (it) => you(it, "This device is no longer in the conversation.", (who) => `${who} removed you. You do not see what is said from now on.`),
  no_room: () => "There is no room here for all of your devices. A missing one comes in when somebody leaves.",
  group_created: (it) => you(it, "You made this group.", (who) => `${who} made this group.`),
  left: (it) => you(it, "You left.", (who) => `${who} left.`),
  joined_by_link: (it) => you(it, "You joined by the invitation link.", (who) => `${who} joined by the invitation link.`),
  link_made: (it) => you(it, "You made an invitation link.", (who) => `${who} made an invitation link.`),
  link_revoked: (it) => you(it, "You took the invitation link back.", (who) => `${who} took the invitation link back.`),
  description: (it) => you(it, "You changed the description.", (who) => `${who} changed the description.`),
  photo: (it) => you(it, "You changed the picture.", (who) => `${who} changed the picture.`),
  now_description: () => "The description is another one now.",
  now_photo: () => "The picture is another one now.",
  added: (it) => you(it, `You added ${isolate(it.whom)}.`, (who) => (it.ownWhom ? `${who} added you.` : `${who} added ${isolate(it.whom)}.`)),
  added_many: (it) => you(
    it,
    format.plural(it.count, { one: "You added # person.", other: "You added # people." }),
    (who) => format.plural(it.count, { one: `${who} added # person.`, other: `${who} added # people.` }),
  ),
  removed: (it) => you(it, `You removed ${isolate(it.whom)}.`, (who) => (it.ownWhom ? `${who} removed you.` : `${who} removed ${isolate(it.whom)}.`)),
  admin: (it) => you(it, `You made ${isolate(it.whom)} an admin.`, (who) => (it.ownWhom ? `${who} made you an admin.` : `${who} made ${isolate(it.whom)} an admin.`)),
  member: (it) => you(
    it,
    it.ownWhom ? "You are no longer an admin." : `${isolate(it.whom)} is no longer an admin, by you.`,
    (who) => (it.ownWhom ? `${who} took an admin’s rights from you.` : `${isolate(it.whom)} is no longer an admin.`),
  ),
  permissions: (it) => you(it, "You changed what members may do.", (who) => `${who} changed what members may do.`),
  name: (it) => you(it, `You named this group “${isolate(it.whom)}”.`, (who) => `${who} named this group “${isolate(it.whom)}”.`),
  timer: (it) => you(
    it,
    it.span === "" ? "You let messages stay." : `You let messages vanish after ${it.span}.`,
    (who) => (it.span === "" ? `${who} lets messages stay.` : `${who} lets messages vanish after ${it.span}.`),
  ),
  now_name: (it) => `This group is called “${isolate(it.whom)}” now.`,
  now_timer: (it) => (it.span === "" ? "Messages stay now." : `Messages vanish after ${it.span} now.`),
  refused: () => "The server changed this conversation against its rules. Nothing more is sent or read here.",
});

const warnings: Sentences = {
  manifest_rollback: "The server showed an older list of somebody’s devices. It was not followed.",
  manifest_fork: "The server showed two lists of somebody’s devices. Compare your safety number.",
  manifest_too_far: "The server showed a device list that no account comes to. It was not followed.",
  manifest_invalid: "The server showed a device list that does not hold. It was not followed.",
  manifest_of_another: "The server showed somebody else’s device list. It was not followed.",
  device_recovered: "Your account has a new device that none of yours let in. Look under Devices.",
  owner_added: "Another device may change your devices now. Look under Devices.",
  owner_removed: "One of your devices may no longer change your devices.",
  key_package_invalid: "The server gave keys that are not the person’s. They were not used.",
  key_package_expired: "The server gave keys that are out of date. Others are asked for; check this device’s clock.",
  commit_refused: "A change of a conversation against its rules was not followed.",
  commit_failed: "A change of a conversation did not work yet. It is tried again.",
  proposal_refused: "A change of a conversation against its rules was not followed.",
  history_differs: "Somebody saw other messages than you did. See the note in that conversation.",
  again_contradicted: "Two people say that the same message was theirs. See the note in that conversation.",
  fork_suspected: "The server may tell two stories of one conversation.",
  server_went_back: "The server went back to an earlier state. Messages may be missing for a while.",
  rolled_back: "The server lost or hid the newest messages of a conversation.",
  rewritten: "The server has something else now in place of what it gave you before.",
  withheld: "The server keeps back messages of a conversation.",
  entry_unreadable: "A message could not be read. It is asked for again.",
  welcome_swapped: "The server gave another conversation’s invitation. It was not used.",
  welcome_unusable: "The server gave an invitation that this device can not use. Another is asked for.",
  rejoin_failed: "A conversation could not be joined anew yet. It is tried again.",
  file_damaged: "A file is not what its sender sent. It was refused; ask them to send it again.",
  server_confused: "The server answered something else than was asked. It is tried again.",
  link_key_swapped: "The server gave another key than the new device shows. Nothing was linked.",
  gap: "Messages of a conversation are missing: the server no longer has them.",
  was_away: "This device was away for long. It joins its conversations anew.",
  was_restored: "This is an older copy of your store. Its conversations are joined anew.",
  details_older: "An older name, picture or timer was given. It was not taken.",
  details_refused: "Somebody changed a name, picture or timer who may not. It was not taken.",
  introduction_forged: "A request was not by whom the server said. It was dropped.",
  contents_repeated: "The server gave something a second time. It is not shown again.",
  mark_invalid: "A receipt was not by whom the server said. It was dropped.",
  franking_invalid: "A message came without proof that it could be reported.",
  author_revoked: "A message of a device that its person had removed is not shown.",
  amendment_refused: "Somebody tried to change what is not theirs, or too late. It was not followed.",
  entry_unknown: "Something in a conversation needs a newer app. Reload this page.",
  store_used_elsewhere: "A copy of your store was used elsewhere. Its conversations are joined anew.",
  root_differs_between_devices: "Your devices hold different keys of a person. Compare your safety number with them.",
  promotion_invalid: "A device said that it made this one an owner, and has no proof. Nothing changed.",
  wrong_app: "The server at this address is another app. It is not used.",
};

const failures: Sentences = {
  number_invalid: "That is not a whole phone number. Check the country and the digits.",
  code_wrong: "The code is wrong. Look at it again, or ask for a new one.",
  code_expired: "This code is over. Ask for a new one.",
  registration_locked: "This number has a lock. Its passphrase is needed, or some days of waiting.",
  number_taken: "This number has an account already. Bring it back, or take the number over.",
  phrase_wrong: "These words do not open the account. Check each of them and their order.",
  not_recoverable: "This account never made recovery words. Link a device that still has it.",
  rate_limited: "That was too often. Wait some minutes and try again.",
  too_many: "There are as many as there may be. Remove one first.",
  quota_exceeded: "Your storage at the server is full. Delete large files first.",
  storage_full: "The server’s disk is full. Try again later.",
  unavailable: "The server is busy. Try again in a moment.",
  internal: "Something went wrong. Try again; if it stays so, reload the page.",
  unreachable: "The server was not reached. Check your connection and try again.",
  timeout: "No answer yet. Check your connection; it may still be done.",
  not_now: "That can not be done now. It needs an account, or an owner device.",
  not_found: "That is no longer there.",
  refused: "That is against a rule: too late, too long, or not yours to change.",
  too_late: "The time in which this message could be changed is over. It stands as it was.",
  forbidden: "You may not do that here.",
  not_member: "You are not in this conversation any more.",
  account_gone: "This account is gone or suspended.",
  consent_needed: "They have not agreed to talk to you yet.",
  too_large: "That is too large. Send something smaller.",
  link_key_swapped: "The server gave another key than the new device shows. Nothing was linked. Try on another network.",
  grant_invalid: "The answer to this code was not by your device. Nothing was linked. Show a new code.",
  interrupted: "It is not certain that this was done. Look before you do it again.",
  store_failed: "Your store could not be written. Free some space on this device.",
  store_damaged: "Your store is damaged. Link this browser anew.",
  version_unsupported: "This page is too old for the server. Reload it.",
  microphone_refused: "The microphone is not allowed. Allow it in the browser’s settings for this site.",
  camera_refused: "The camera is not allowed, or there is none. Allow it in the browser’s settings for this site, or type the code.",
  damaged: "It is not what its sender sent. Ask them to send it again.",
  disk: "There is no space on this device, or it can not be written.",
  file_gone: "The server no longer has this file. Ask for it again.",
  source_changed: "The file changed while it was sent. Send it again.",
  stopped: "Stopped. It was not sent.",
  source_gone: "The file is no longer there. Choose it again.",
};

/** Why one does not come into a group by its link. */
const joins: Sentences = {
  forbidden: "This link no longer holds: it was taken back, or another one was made. Ask for the new one.",
  not_member: "This link no longer holds: it was taken back, or another one was made. Ask for the new one.",
  not_found: "This group is no more, or this link was never good. Ask whoever gave it to you.",
  refused: "This is not a whole invitation link. Copy it again, from its beginning to its end.",
  wrong_app: "This group is at another server, which yours is not joined with.",
  too_many: "This group is full. You can join when somebody has left.",
};

const unreadable: Sentences = {
  secret_used: "the server gave it before, or much too late",
  undecryptable: "it was changed, or is not for this device",
  epoch_gone: "it came too late, its keys are gone",
  epoch_ahead: "it is of another branch of this conversation",
  fork_suspected: "it is of another branch of this conversation",
  sender_unknown: "it is not by whom it says",
  malformed: "it has not the form that it should have",
  too_large: "it is larger than it may be",
  too_far_ahead: "too many before it are missing",
  own_message: "this device said it, and its store is older than that",
};

const starts: Readonly<Record<string, Said>> = {
  storage_unavailable: { title: "This browser can not keep messages", text: "Private windows and some older browsers can not. Open the page in a normal window of a current browser." },
  store_in_use: { title: "It is open somewhere else", text: "Another window of this browser has your messages open and does not answer. Close it, then try again." },
  store_newer: { title: "This page is older than your messages", text: "Reload it to get the newest. Nothing is lost." },
  store_failed: { title: "Your messages could not be opened", text: "Free some space on this device, then try again." },
  store_damaged: { title: "Your messages are damaged", text: "Clear this site’s data in the browser, and link it anew with your other device." },
  key_lost: { title: "The key of your messages is gone", text: "The browser deleted it. Clear this site’s data, and link it anew with your other device." },
  core_missing: { title: "A part of the app is missing", text: "This page was built without the part that keeps your messages. Whoever runs the server has to build it whole." },
  other_version: { title: "Another version is open in another tab", text: "Reload the other tabs of this app, or close them. It goes on here then." },
  worker: { title: "A part of the app did not start", text: "Reload the page. If it stays so, update the browser." },
};

const ends: Readonly<Record<string, Said>> = {
  account_gone: { title: "This account is no more", text: "It was deleted or suspended. What was on this device is erased." },
  device_revoked: { title: "This browser was removed", text: "Another device of yours removed it from your account. What was on it is erased." },
  deleted: { title: "Your account is deleted", text: "Everything on this device is erased. Thank you for having been here." },
};

export function english(format: Format) {
  const notice = notices(format);
  const failure = (code: string): string => entry(failures, code) ?? "That did not work. Try again in a moment.";
  return {
    notice: (code: string, it: NoticeWords) => entry(notice, code)?.(it) ?? "Something happened here that needs a newer app to be shown.",
    warning: (code: string) => entry(warnings, code) ?? "The server gave something that does not hold. It was not used.",
    failure,
    join: (code: string) => entry(joins, code) ?? failure(code),
    notSent: (code: string) => (code === "stopped" ? failure(code) : `Not sent. ${failure(code)}`),
    unreadable: (name: string, code: string) => `A message of ${isolate(name)} can not be read: ${entry(unreadable, code) ?? "it does not open"}. It comes again by itself if somebody still has it.`,
    start: (code: string): Said => entry(starts, code) ?? { title: "The app could not start", text: "Reload the page. If it stays so, update the browser." },
    ended: (reason: string): Said => entry(ends, reason) ?? { title: "This device has no account any more", text: "What was on it is erased." },
  };
}

/** The codes that have a sentence: of each kind, in English. The Arabic table has the same. */
export const CODES = { notices: Object.keys(notices(new Format("en"))), warnings: Object.keys(warnings), failures: Object.keys(failures), joins: Object.keys(joins), unreadable: Object.keys(unreadable), starts: Object.keys(starts), ends: Object.keys(ends) };
