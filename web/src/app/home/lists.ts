/**
 * What stands in the list of conversations, and in which order.
 *
 * Always holds: pinned ones first, the last one that was pinned before the others, then the newest; what is
 * archived comes back by itself when somebody speaks there and it is not muted.
 */
import { useCallback, useMemo } from "react";
import type { Address, ConversationView } from "../../core/types";
import { lastSaid } from "../conversation/said";
import { folded } from "../../ui/fields/Combobox";
import type { ConversationRowProps, Preview } from "../../ui/timeline/ConversationRow";
import { useSpeech } from "../../ui/words/context";
import type { Words } from "../../ui/words/en";
import { entry } from "../../ui/words/told.en";
import { useDraftOf, useNameOf, useNow, useShared } from "../state/context";
import { isArchived, isMuted } from "../state/keeping";

/** The conversations of a list, in its order. */
export function listed(all: readonly ConversationView[], nowMs: number, archived: boolean): readonly ConversationView[] {
  return all
    .filter((view) => isArchived(view, nowMs) === archived)
    .sort((a, b) => b.pinned_ms - a.pinned_ms || b.last_ms - a.last_ms);
}

/** Conversations whose name has what is looked for. */
export function named(all: readonly ConversationView[], query: string, titleOf: (view: ConversationView) => string): readonly ConversationView[] {
  const wanted = folded(query.trim());
  if (wanted === "") return [];
  return all.filter((view) => folded(titleOf(view)).includes(wanted));
}

/** How a conversation is called. */
export function titleIn(view: ConversationView, words: Words, nameOf: (address: Address) => string): string {
  if (view.kind === "self") return words.home.notes;
  if (view.title !== "") return view.title;
  if (view.peer !== null) return nameOf(view.peer);
  return words.group.unnamed;
}

export function useTitleOf(): (view: ConversationView) => string {
  const { words } = useSpeech();
  const nameOf = useNameOf();
  return useCallback((view: ConversationView) => titleIn(view, words, nameOf), [words, nameOf]);
}

export function useConversationsTitle(): (conversation: number) => string {
  const { someConversations } = useShared();
  const titleOf = useTitleOf();
  return useCallback((id: number) => {
    const view = someConversations?.find((it) => it.conversation === id);
    return view === undefined ? "" : titleOf(view);
  }, [someConversations, titleOf]);
}

export type RowProps = Omit<ConversationRowProps, "onOpen" | "selected" | "nowMs">;

/** A conversation as its row shows it. */
export function rowOf(view: ConversationView, given: { words: Words; nowMs: number; own: Address; title: string; nameOf: (address: Address) => string; draft: string; typing: readonly string[] }): RowProps {
  const { words, nowMs, own, title, nameOf, draft, typing } = given;
  const preview: Preview =
    typing.length > 0 ? { kind: "typing", names: view.kind === "group" ? typing : [] }
    : draft !== "" ? { kind: "draft", text: draft }
    : lastSaid(view, { words, own, nameOf }) ?? { kind: "text", text: entry(words.home.states, view.state) ?? "" };
  return {
    id: view.peer ?? String(view.conversation),
    name: title,
    group: view.kind === "group",
    preview,
    timeMs: view.last_ms,
    unread: view.unread > 0 ? view.unread : view.marked_unread ? -1 : 0,
    mentioned: view.unread_mentions > 0,
    muted: isMuted(view, nowMs),
    pinned: view.pinned_ms > 0,
  };
}

/** The lists as the home screen shows them, of what is there so far. */
export function useListed(archived: boolean): readonly ConversationView[] | undefined {
  const { someConversations } = useShared();
  const now = useNow();
  return useMemo(() => (someConversations === undefined ? undefined : listed(someConversations, now, archived)), [someConversations, now, archived]);
}

/** What makes a conversation's row; of the open one, the draft is seen where it is written. */
export function useRowOf(typing: ReadonlyMap<number, readonly Address[]>): (view: ConversationView, open?: boolean) => RowProps {
  const { words } = useSpeech();
  const nowMs = useNow();
  const draftOf = useDraftOf();
  const nameOf = useNameOf();
  const titleOf = useTitleOf();
  const { account } = useShared();
  const own = account?.address ?? "";
  return useCallback((view: ConversationView, open = false) => rowOf(view, {
    words, nowMs, own, nameOf, title: titleOf(view), draft: open ? "" : (draftOf(view)?.text ?? ""),
    typing: (typing.get(view.conversation) ?? []).map(nameOf),
  }), [words, nowMs, own, nameOf, titleOf, draftOf, typing]);
}
