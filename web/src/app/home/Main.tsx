/**
 * The app's places: one pane on a phone, the list beside what is open on a desk.
 *
 * Always holds: it is the same tree for every width, so that a window that is resized, or turned, loses nothing of what is open.
 */
import { MessageCircle, Settings, Users } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import type { AccountView } from "../../core/types";
import { Desk, Places } from "../../ui/frames/Frames";
import { NoMessages } from "../../ui/feedback/Drawings";
import { EmptyState } from "../../ui/feedback/Feedback";
import { useSpeech } from "../../ui/words/context";
import { Conversation } from "../conversation/Conversation";
import { About } from "../people/About";
import { Find } from "../people/Find";
import { PeopleList } from "../people/PeopleList";
import { Person } from "../people/Person";
import { Request } from "../people/Request";
import { Safety } from "../people/Safety";
import { Group } from "../groups/Group";
import { Invited } from "../groups/Invited";
import { Join } from "../groups/Join";
import { NewGroup } from "../groups/NewGroup";
import { Settings as Yourself } from "../yourself/Settings";
import { SettingsPageShown } from "../yourself/pages";
import { useHabits, useKept, useMedia, useNow, useShared } from "../state/context";
import { unreadOf } from "../state/keeping";
import { go, hashOf, type Route, useRoute } from "../state/route";
import { useTyping } from "../state/typing";
import { ConversationList } from "./ConversationList";
import styles from "./home.module.css";

type PlaceKey = "chats" | "people" | "settings";

function placeOf(route: Route): PlaceKey {
  if (route.at === "settings") return "settings";
  return route.at === "people" || route.at === "find" || route.at === "person" || route.at === "safety" ? "people" : "chats";
}

/** From this width on the list stands beside what is open. */
export const DESK = "(min-width: 52rem)";

/** What a row of a list stands for, where this place was opened from one. */
function rowOf(route: Route): string | undefined {
  switch (route.at) {
    case "conversation": case "about": case "group":
      return String(route.id);
    case "person": case "safety":
      return route.address;
    default:
      return undefined;
  }
}

/** Whether only the list of a place is there. */
function isRoot(route: Route): boolean {
  return route.at === "chats" || route.at === "archive" || route.at === "people" || (route.at === "settings" && route.page === undefined);
}

/** What has the focus is in a pane that there is no room for. */
function isAway(): boolean {
  const at = document.activeElement;
  return at !== null && getComputedStyle(at).visibility === "hidden";
}

/** What had the focus is gone, or out of view. */
function isFocusGone(): boolean {
  const at = document.activeElement;
  return at === null || at === document.body || isAway();
}

/** Where what had the focus went with the place before, the new one has it: by the row that one came back from, else by its title. */
function useFocusHere(route: Route, desk: boolean): void {
  const before = useRef(route);
  const here = hashOf(route);
  useEffect(() => {
    const was = before.current;
    before.current = route;
    if (hashOf(was) === here ? !isAway() : !isFocusGone()) return;
    const row = isRoot(route) ? rowOf(was) : undefined;
    const from = row === undefined ? null : document.querySelector<HTMLElement>(`[data-row="${CSS.escape(row)}"] button`);
    (from ?? [...document.querySelectorAll<HTMLElement>("main header h2")].at(-1))?.focus({ preventScroll: from === null });
    // Of one place there are many objects.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [here, desk]);
}

export function Main({ account }: { account: AccountView }) {
  const route = useRoute();
  const desk = useMedia(DESK);
  useFocusHere(route, desk);
  const { words } = useSpeech();
  const habits = useHabits();
  const kept = useKept();
  const { conversations, requests } = useShared();
  const now = useNow();
  const typing = useTyping();
  const at = placeOf(route);
  const unread = unreadOf(conversations ?? [], now) + requests.length;
  const places = (
    <Places
      side={desk ? "edge" : "bottom"}
      at={at}
      onGo={(key) => { go({ at: key as PlaceKey }); }}
      places={[
        { key: "chats", label: words.home.chats, icon: MessageCircle, unread },
        { key: "people", label: words.people.title, icon: Users },
        { key: "settings", label: words.self.title, icon: Settings },
      ]}
    />
  );
  const list: ReactNode =
    at === "settings" ? <Yourself account={account} foot={desk ? null : places} open={route.at === "settings" ? route.page : undefined} />
    : at === "people" ? <PeopleList foot={desk ? null : places} open={route.at === "person" || route.at === "safety" ? route.address : undefined} />
    : <ConversationList archived={route.at === "archive"} typing={typing} foot={desk ? null : places} open={route} />;
  const open = <Open route={route} account={account} typing={typing} />;
  const root = isRoot(route);
  return (
    <main className={styles.phone}>
      <h1 className="sr-only">{words.home.title}</h1>
      <Desk
        places={places}
        list={list}
        listLabel={words.home.list}
        width={habits.listWidth}
        onWidth={(listWidth) => { kept.set({ listWidth }); }}
        only={desk ? undefined : root ? "list" : "open"}
      >
        {root ? desk && <Nothing at={at} /> : open}
      </Desk>
    </main>
  );
}

function Nothing({ at }: { at: PlaceKey }) {
  const { words } = useSpeech();
  const { title, text } = words.home.nothingOpen[at];
  return <div className={styles.nothing}><EmptyState drawing={<NoMessages />} title={title}>{text}</EmptyState></div>;
}

function Open({ route, account, typing }: { route: Route; account: AccountView; typing: ReadonlyMap<number, readonly string[]> }) {
  switch (route.at) {
    case "conversation":
      return <Conversation key={route.id} id={route.id} typing={typing.get(route.id) ?? []} {...(route.message !== undefined && { message: route.message })} />;
    case "about":
      return <About key={route.id} id={route.id} />;
    case "group":
      return <Group key={`${String(route.id)} ${route.page}`} id={route.id} page={route.page} />;
    case "request":
      return <Request key={route.address} address={route.address} />;
    case "person":
      return <Person key={route.address} address={route.address} />;
    case "safety":
      return <Safety key={route.address} address={route.address} />;
    case "find":
      return <Find />;
    case "newGroup":
      return <NewGroup />;
    case "join":
      return route.link === undefined ? <Join /> : <Invited key={route.link} link={route.link} />;
    case "settings":
      return route.page === undefined ? null : <SettingsPageShown key={route.page} page={route.page} account={account} />;
    case "chats": case "archive": case "people":
      return null;
  }
}
