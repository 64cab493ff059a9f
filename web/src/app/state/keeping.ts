/** How a person keeps a conversation: the core has it, alike on all of their devices. */
import type { ConversationSetting, ConversationView } from "../../core/types";

/** The last moment that a clock says: until then is always. */
export const ALWAYS_MS = 253_402_300_799_999;

const HOUR_MS = 3_600_000;

/** For how long a conversation is muted. */
export const MUTES = ["hours", "week", "always"] as const;
export type Mute = (typeof MUTES)[number];

export function mutedUntil(mute: Mute, nowMs: number): number {
  return mute === "always" ? ALWAYS_MS : nowMs + (mute === "hours" ? 8 : 7 * 24) * HOUR_MS;
}

/** A mute that ran out is none. */
export function isMuted(view: Pick<ConversationView, "muted_until_ms">, nowMs: number): boolean {
  return view.muted_until_ms > nowMs;
}

/** Whether it is out of the way: what was put away comes back while somebody spoke there, unless it is muted. */
export function isArchived(view: Pick<ConversationView, "archived" | "unread" | "muted_until_ms">, nowMs: number): boolean {
  return view.archived && (view.unread === 0 || isMuted(view, nowMs));
}

/** Unread messages that are worth a number. */
export function unreadOf(all: readonly Pick<ConversationView, "unread" | "muted_until_ms">[], nowMs: number): number {
  return all.reduce((sum, it) => sum + (isMuted(it, nowMs) ? 0 : it.unread), 0);
}

/** What gives a conversation back as it was before it was put away. */
export function backFromArchive(view: Pick<ConversationView, "pinned_ms">): ConversationSetting {
  // What is pinned is not put away: so it says both.
  return view.pinned_ms > 0 ? { pinned: true } : { archived: false };
}
