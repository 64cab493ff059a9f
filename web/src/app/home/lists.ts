/**
 * What stands in the list of conversations, and in which order.
 *
 * Always holds: pinned ones first, in the order in which they were pinned, then the newest; what is
 * archived comes back by itself when somebody speaks there and it is not muted.
 */
import { useCallback, useMemo } from "react";
import type { Address, ConversationView } from "../../core/types";
import { folded } from "../../ui/fields/Combobox";
import type { ConversationRowProps, Preview } from "../../ui/timeline/ConversationRow";
import { useSpeech } from "../../ui/words/context";
import type { Words } from "../../ui/words/en";
import { entry } from "../../ui/words/told.en";
import { useHabits, useKept, useNameOf, useShared } from "../state/context";
import type { Habits } from "../state/kept";

/** Whether a conversation is out of the way. */
export function isArchived(view: ConversationView, habits: Habits): boolean {
  if (!habits.archived.includes(view.conversation)) return false;
  return view.unread === 0 || habits.muted.includes(view.conversation);
}

/** The conversations of a list, in its order. */
export function listed(all: readonly ConversationView[], habits: Habits, archived: boolean): readonly ConversationView[] {
  const place = (view: ConversationView): number => {
    const at = habits.pinned.indexOf(view.conversation);
    return at < 0 ? habits.pinned.length : at;
  };
  return all
    .filter((view) => isArchived(view, habits) === archived)
    .sort((a, b) => place(a) - place(b) || b.last_ms - a.last_ms);
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
  const { conversations } = useShared();
  const titleOf = useTitleOf();
  return useCallback((id: number) => {
    const view = conversations?.find((it) => it.conversation === id);
    return view === undefined ? "" : titleOf(view);
  }, [conversations, titleOf]);
}

export type RowProps = Omit<ConversationRowProps, "onOpen" | "selected" | "nowMs">;

/** A conversation as its row shows it. */
export function rowOf(view: ConversationView, given: { words: Words; habits: Habits; own: Address; title: string; nameOf: (address: Address) => string; draft: string; typing: readonly string[] }): RowProps {
  const { words, habits, own, title, nameOf, draft, typing } = given;
  const { conversation } = view;
  const author = view.last_author;
  const state = entry(words.home.states, view.state) ?? "";
  const text = view.last_text !== "" ? view.last_text : state;
  const said: Preview = author === null || author === own || view.kind !== "group" ? { kind: "text", text } : { kind: "text", text, author: nameOf(author) };
  const preview: Preview = typing.length > 0 ? { kind: "typing", names: view.kind === "group" ? typing : [] } : draft !== "" ? { kind: "draft", text: draft } : said;
  const marked = habits.markedUnread.includes(conversation);
  return {
    id: view.peer ?? String(conversation),
    name: title,
    group: view.kind === "group",
    preview,
    timeMs: view.last_ms,
    unread: view.unread > 0 ? view.unread : marked ? -1 : 0,
    mentioned: view.unread_mentions > 0,
    muted: habits.muted.includes(conversation),
    pinned: habits.pinned.includes(conversation),
  };
}

/** The lists as the home screen shows them. */
export function useListed(archived: boolean): readonly ConversationView[] | undefined {
  const { conversations } = useShared();
  const habits = useHabits();
  return useMemo(() => (conversations === undefined ? undefined : listed(conversations, habits, archived)), [conversations, habits, archived]);
}

/** What makes a conversation's row; of the open one, the draft is seen where it is written. */
export function useRowOf(typing: ReadonlyMap<number, readonly Address[]>): (view: ConversationView, open?: boolean) => RowProps {
  const { words } = useSpeech();
  const habits = useHabits();
  const kept = useKept();
  const nameOf = useNameOf();
  const titleOf = useTitleOf();
  const { account } = useShared();
  const own = account?.address ?? "";
  return useCallback((view: ConversationView, open = false) => rowOf(view, {
    words, habits, own, nameOf, title: titleOf(view), draft: open ? "" : kept.draft(view.conversation),
    typing: (typing.get(view.conversation) ?? []).map(nameOf),
  }), [words, habits, own, nameOf, titleOf, kept, typing]);
}
