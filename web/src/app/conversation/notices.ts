/**
 * A notice's icon, weight and sentence, by the code that stands in its text (`docs/terminal-client.md`,
 * 'Notices').
 *
 * Always holds: a code that is not known here has a sentence, too; what somebody chose (a name) is
 * shown as text.
 */
import { Clock3, DoorOpen, Image, KeyRound, Link, type LucideIcon, PenLine, ShieldAlert, ShieldCheck, Timer, UserMinus, UserPlus, Users, Wrench } from "lucide-react";
import type { Address } from "../../core/types";
import type { Format } from "../../ui/words/format";
import type { Words } from "../../ui/words/en";

const ICONS: Readonly<Record<string, LucideIcon>> = {
  device_added: KeyRound, device_removed: KeyRound, device_recovered: ShieldAlert, owner_added: ShieldAlert, owner_removed: KeyRound,
  number_moved: ShieldAlert, number_lost: ShieldAlert, account_gone: DoorOpen, gap: Clock3, healing: Wrench, healed: Wrench,
  history_differs: ShieldAlert, again_contradicted: ShieldAlert, rewritten: ShieldAlert, rolled_back: ShieldAlert, withheld: ShieldAlert, refused: ShieldAlert,
  no_room: Users, removed_you: UserMinus, group_created: Users, added: UserPlus, added_many: UserPlus, removed: UserMinus, left: DoorOpen,
  joined_by_link: UserPlus, admin: ShieldCheck, member: UserMinus, permissions: ShieldCheck, link_made: Link, link_revoked: Link,
  name: PenLine, description: PenLine, photo: Image, timer: Timer, now_name: PenLine, now_description: PenLine, now_photo: Image, now_timer: Timer,
};

/** Where one should look. */
const WEIGHTY = new Set([
  "device_added", "device_recovered", "owner_added", "number_moved", "number_lost", "history_differs", "again_contradicted", "rewritten", "rolled_back", "withheld", "refused", "gap",
]);

export interface NoticeShown {
  readonly code: string;
  readonly icon?: LucideIcon;
  readonly weighty: boolean;
  readonly text: string;
}

export interface Speaking {
  readonly words: Words;
  readonly format: Format;
  readonly nameOf: (address: Address) => string;
  readonly own: Address;
}

/** What a notice says; `text` is its code, with what it is about behind a colon. */
export function noticeOf(text: string, author: Address, { words, format, nameOf, own }: Speaking): NoticeShown {
  const colon = text.indexOf(":");
  const code = colon < 0 ? text : text.slice(0, colon);
  const about = colon < 0 ? "" : text.slice(colon + 1).trim();
  const seconds = Number(about);
  const said = words.told.notice(code, {
    own: author === own,
    who: nameOf(author),
    whom: ["added", "removed", "admin", "member"].includes(code) ? nameOf(about) : about,
    ownWhom: about === own,
    count: Number.isFinite(seconds) ? seconds : 0,
    span: seconds > 0 ? format.span(seconds) : "",
  });
  const icon = ICONS[code];
  return { code, ...(icon !== undefined && { icon }), weighty: WEIGHTY.has(code), text: said };
}
