/**
 * Says what a person should notice, wherever they are: failures and warnings in words, new messages
 * to who hears the page, and by the system while the page is hidden.
 *
 * Always holds: what was said and by whom stands in a system's notification only where the person
 * switched them on. Deliberately absent: what a screen says itself.
 */
import { useCallback, useEffect, useState } from "react";
import { useSpeech } from "../../ui/words/context";
import { saidIn } from "../conversation/said";
import { useConversationsTitle } from "../home/lists";
import { useClock, useEvents, useHabits, useNameOf, useNow, useShared } from "./context";
import type { CoreEvent } from "./face";
import { isMuted, unreadOf } from "./keeping";
import { go, hashOf, useRoute } from "./route";
import { useTell } from "./toasts";

/** Steps whose failures are said where they are done. */
const SAID_THERE = new Set(["lookup", "approve_link", "link", "register", "code", "create_account", "recover", "recovery", "number"]);
/** What passes by itself: the banner about the connection says it. */
const PASSES = new Set(["unreachable", "unavailable", "rate_limited", "timeout"]);
/** Steps that nobody asked for. */
const BY_ITSELF = new Set(["connect", "sign_in", "sync", "refresh", "key_packages", "key_packages_fetch", "introduction_key"]);

/** The step by which one comes in by a link: it fails in words of its own, and where it was done. */
export const JOIN = "join_by_invitation";

/** Why a file's way ended whose person ended it: they know. */
const STOPPED = "stopped";

/** Whether a failure is worth a word here. */
export function saysFailure(act: string, code: string): boolean {
  return !SAID_THERE.has(act) && !(BY_ITSELF.has(act) && PASSES.has(code));
}

/** By the page itself, or where a browser lets only the service worker do it (`sw/sw.ts`), by that. */
function notify(title: string, body: string, conversation: number): void {
  const how = { body, tag: String(conversation), icon: "/mark.svg" };
  try {
    const shown = new Notification(title, how);
    shown.onclick = () => {
      window.focus();
      go({ at: "conversation", id: conversation });
      shown.close();
    };
  } catch {
    const worker = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    void worker?.getRegistration()
      .then((by) => by?.showNotification(title, { ...how, data: hashOf({ at: "conversation", id: conversation }) }))
      .catch(() => undefined);
  }
}

export function Told() {
  const { words } = useSpeech();
  const tell = useTell();
  const nameOf = useNameOf();
  const habits = useHabits();
  const { conversations, someConversations } = useShared();
  const route = useRoute();
  const open = route.at === "conversation" ? route.id : null;
  const joins = route.at === "join";
  const clock = useClock();
  const now = useNow();
  const [heard, setHeard] = useState("");
  const titleOf = useConversationsTitle();
  const isQuiet = useCallback((id: number) => someConversations?.some((it) => it.conversation === id && isMuted(it, clock())) === true, [someConversations, clock]);
  useEvents(useCallback((event: CoreEvent) => {
    if (event.event === "failed" && event.act === JOIN) {
      if (!joins) tell(words.told.join(event.code));
    } else if (event.event === "failed" && saysFailure(event.act, event.code)) tell(words.told.failure(event.code));
    if (event.event === "transfer" && event.state === "failed" && event.failure !== null && event.failure !== STOPPED) tell(words.told.failure(event.failure));
    if (event.event === "warning") tell(words.told.warning(event.code));
    if (event.event === "reported") tell(words.people.reported);
    if (event.event !== "item" || event.item.outgoing || event.item.kind === "notice") return;
    const { item, conversation } = event;
    const said = words.talk.heard(nameOf(item.author), saidIn(item, words));
    if (conversation === open) setHeard(said);
    if (!document.hidden || !habits.notifies || isQuiet(conversation)) return;
    notify(titleOf(conversation), said, conversation);
  }, [words, tell, nameOf, open, joins, habits, titleOf, isQuiet]));
  useEffect(() => {
    const worker = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    const heard = ({ data }: MessageEvent<unknown>): void => {
      if (typeof data === "object" && data !== null && "go" in data && typeof data.go === "string") location.hash = data.go;
    };
    worker?.addEventListener("message", heard);
    return () => { worker?.removeEventListener("message", heard); };
  }, []);
  const unread = unreadOf(conversations ?? [], now);
  useEffect(() => {
    document.title = unread > 0 ? words.home.titleUnread(unread) : words.home.title;
    // Not every browser has a badge.
    const { setAppBadge } = navigator as Partial<Navigator>;
    if (setAppBadge !== undefined) void setAppBadge.call(navigator, unread).catch(() => undefined);
  }, [unread, words]);
  return <div role="log" aria-live="polite" aria-label={words.talk.newMessages} className="sr-only">{heard}</div>;
}
