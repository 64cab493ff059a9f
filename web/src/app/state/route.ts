/**
 * Where one is in the app, kept in the address behind `#`: so Back goes back, and a reload stays.
 *
 * Always holds: an address that leads nowhere leads home; what people wrote never stands in it, but
 * an invitation's link that somebody opened.
 */
import { useSyncExternalStore } from "react";
import { linkOf, partOf } from "../groups/invitation";

export type SettingsPage = "profile" | "devices" | "approve" | "recovery" | "lock" | "number" | "look" | "alerts" | "storage" | "delete";
export type GroupPage = "add" | "permissions" | "link" | "edit";

export type Route =
  | { readonly at: "chats" }
  | { readonly at: "archive" }
  | { readonly at: "conversation"; readonly id: number; readonly message?: string }
  | { readonly at: "about"; readonly id: number }
  | { readonly at: "group"; readonly id: number; readonly page: GroupPage }
  | { readonly at: "request"; readonly address: string }
  | { readonly at: "people" }
  | { readonly at: "find" }
  | { readonly at: "newGroup" }
  | { readonly at: "join"; readonly link?: string }
  | { readonly at: "person"; readonly address: string }
  | { readonly at: "safety"; readonly address: string }
  | { readonly at: "settings"; readonly page?: SettingsPage };

const SETTINGS: readonly SettingsPage[] = ["profile", "devices", "approve", "recovery", "lock", "number", "look", "alerts", "storage", "delete"];
const GROUP: readonly GroupPage[] = ["add", "permissions", "link", "edit"];
const HOME: Route = { at: "chats" };

/** Where `hash` leads. */
export function routeOf(hash: string): Route {
  const [head = "", first, second] = hash.replace(/^#\/?/, "").split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return "";
    }
  });
  const id = Number(first);
  const numbered = first !== undefined && first !== "" && Number.isSafeInteger(id);
  switch (head) {
    case "archive": case "people": case "find": case "newGroup":
      return { at: head };
    case "c":
      return !numbered ? HOME : second === undefined || second === "" ? { at: "conversation", id } : { at: "conversation", id, message: second };
    case "about":
      return numbered ? { at: "about", id } : HOME;
    case "group": {
      const page = GROUP.find((it) => it === second);
      return numbered && page !== undefined ? { at: "group", id, page } : HOME;
    }
    case "request": case "person": case "safety":
      return first === undefined || first === "" ? HOME : { at: head, address: first };
    case "join":
      return first === undefined || first === "" ? { at: "join" } : { at: "join", link: linkOf(first) };
    case "settings": {
      const page = SETTINGS.find((it) => it === first);
      return page === undefined ? { at: "settings" } : { at: "settings", page };
    }
    default:
      return HOME;
  }
}

/** The hash that leads there. */
export function hashOf(route: Route): string {
  if (route.at === "join" && route.link !== undefined) return `#join/${partOf(route.link)}`;
  const parts: readonly (string | number | undefined)[] =
    route.at === "conversation" ? ["c", route.id, route.message]
    : route.at === "about" ? ["about", route.id]
    : route.at === "group" ? ["group", route.id, route.page]
    : route.at === "request" || route.at === "person" || route.at === "safety" ? [route.at, route.address]
    : route.at === "settings" ? ["settings", route.page]
    : [route.at];
  return `#${parts.filter((part) => part !== undefined).map((part) => encodeURIComponent(part)).join("/")}`;
}

function listen(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener("hashchange", listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener("hashchange", listener);
  };
}

/** Goes there; `instead` takes the place of where one is, so that Back does not come to it. */
export function go(route: Route, instead = false): void {
  const to = hashOf(route);
  if (to === location.hash) return;
  if (instead) history.replaceState({ inside: insideOf() }, "", to);
  else history.pushState({ inside: true }, "", to);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

/** Goes to an invitation that somebody sent. Who did stands beside the address: no address from elsewhere says it. */
export function goInvited(link: string, by: string): void {
  history.pushState({ inside: true, by }, "", hashOf({ at: "join", link }));
  window.dispatchEvent(new PopStateEvent("popstate"));
}

interface Beside {
  readonly inside?: boolean;
  readonly by?: string;
}

function insideOf(): boolean {
  return (history.state as Beside | null)?.inside === true;
}

/** Back to where one came from, or to `otherwise` where one came from elsewhere. */
export function back(otherwise: Route): void {
  if (insideOf()) history.back();
  else go(otherwise, true);
}

/** Who sent the invitation that is open, where that was here. */
export function useInviter(): string | undefined {
  return useSyncExternalStore(listen, () => (history.state as Beside | null)?.by);
}

/** Where one is, now and from now on. */
export function useRoute(): Route {
  return routeOf(useSyncExternalStore(listen, () => location.hash));
}
