/**
 * What every screen has at hand: the core, the habits, the clock, and the lists that many of them show.
 *
 * Always holds: each view of the core is watched once for the whole page. Deliberately absent: a copy
 * of what the core knows; what is not watched here is asked where it is shown.
 */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { AccountView, Address, ContactView, ConversationSetting, ConversationView, DraftView, LinkView, RequestView, TransferView } from "../../core/types";
import { useSpeech } from "../../ui/words/context";
import { type Answers, codeOf, type Command, type Core, type CoreEvent, type CoreState, type Keyed, type Line, type ListView, type SnapshotView, type Storage, type ViewOf, type Views } from "./face";
import { Drafts } from "./drafts";
import type { Habits, Kept } from "./kept";
import { photosOf, Photos } from "./photos";
import { useTell } from "./toasts";
import type { Updates } from "./updates";

interface Hands {
  readonly core: Core;
  readonly kept: Kept;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly updates: Updates;
}

interface Held extends Hands {
  readonly drafts: Drafts;
  readonly photos: Photos;
}

const HandsContext = createContext<Held | null>(null);

export function HasHands({ children, ...hands }: Hands & { children: ReactNode }) {
  const { core, kept, clock, updates } = hands;
  const drafts = useMemo(() => new Drafts(core), [core]);
  const photos = useMemo(() => new Photos(core), [core]);
  const value = useMemo(() => ({ core, kept, clock, updates, drafts, photos }), [core, kept, clock, updates, drafts, photos]);
  // What is being written is told before the page may go.
  useEffect(() => {
    const hides = (): void => { if (document.visibilityState === "hidden") drafts.keepAll(); };
    window.addEventListener("pagehide", drafts.keepAll);
    document.addEventListener("visibilitychange", hides);
    return () => {
      window.removeEventListener("pagehide", drafts.keepAll);
      document.removeEventListener("visibilitychange", hides);
    };
  }, [drafts]);
  return <HandsContext value={value}>{children}</HandsContext>;
}

function useHands(): Held {
  const hands = useContext(HandsContext);
  if (hands === null) throw new Error("nothing gives this screen the core");
  return hands;
}

export const useCore = (): Core => useHands().core;
export const useKept = (): Kept => useHands().kept;
export const useClock = (): (() => number) => useHands().clock;
export const useUpdates = (): Updates => useHands().updates;
export const useDrafts = (): Drafts => useHands().drafts;

/** The draft of a conversation, anew when one begins or ends. */
export function useDraftOf(): (view: ConversationView) => DraftView | null {
  const drafts = useDrafts();
  const version = useSyncExternalStore(drafts.listen, drafts.version);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- Another version is another answer.
  return useCallback((view: ConversationView) => drafts.of(view), [drafts, version]);
}

/** The address of a picture, by what `photos.ts` calls whose it is; undefined while there is none here. */
export function usePhotoOf(whose: string | undefined): string | undefined {
  const { photos } = useHands();
  useEffect(() => (whose === undefined ? undefined : photos.want(whose)), [photos, whose]);
  return useSyncExternalStore(photos.listen, () => (whose === undefined ? undefined : photos.of(whose)));
}

/** Whether the app's next version waits for a reload. */
export function useUpdateWaits(): boolean {
  const { updates } = useHands();
  return useSyncExternalStore(updates.listen, updates.waits);
}

/** The habits, now and from now on. */
export function useHabits(): Habits {
  const { kept } = useHands();
  return useSyncExternalStore(kept.listen, kept.get);
}

/** The time, anew each minute: for what is said relative to it. */
export function useNow(): number {
  const clock = useClock();
  const [now, setNow] = useState(clock);
  useEffect(() => {
    const timer = setInterval(() => { setNow(clock()); }, 30_000);
    return () => { clearInterval(timer); };
  }, [clock]);
  return now;
}

export function useCoreState(): CoreState {
  const core = useCore();
  const [state, setState] = useState<CoreState>({ is: "starting" });
  useEffect(() => core.onState(setState), [core]);
  return state;
}

export function useStorageKept(): Storage {
  const core = useCore();
  const [storage, setStorage] = useState<Storage>({});
  useEffect(() => core.onStorage(setStorage), [core]);
  return storage;
}

/** A snapshot; undefined before it is there. */
export function useSnapshot<K extends SnapshotView>(view: ViewOf<K>): Views[K] | undefined {
  const core = useCore();
  const [value, setValue] = useState<{ readonly it: Views[K] }>();
  useEffect(() => core.snapshot<K>(view, (it) => { setValue({ it }); }), [core, view]);
  return value?.it;
}

/** A list's rows; undefined before they are there. `view` has to stay the same object. */
export function useList<K extends ListView>(view: ViewOf<K>, refused?: (code: string) => void): readonly Keyed<Views[K]>[] | undefined {
  const core = useCore();
  const [rows, setRows] = useState<readonly Keyed<Views[K]>[]>();
  useEffect(() => core.list<K>(view, setRows, (failure) => { refused?.(failure.code); }), [core, view, refused]);
  return rows;
}

/** The conversations: what is there so far, pinned and newest ones first; and all of them, once they were told. */
function useConversations(): { readonly soFar: Conversations; readonly all: Conversations } {
  const core = useCore();
  const [first, setFirst] = useState<Conversations>();
  const [all, setAll] = useState<Conversations>();
  useEffect(() => core.list<"conversations">("conversations", (rows, more) => {
    // Where they are told anew, by another tab's core, those that were there stay until all are.
    if (more) setFirst(rows);
    else setAll(rows);
  }), [core]);
  return { soFar: all ?? first, all };
}

type Conversations = readonly Keyed<ConversationView>[] | undefined;

/** Hears what a person should notice. `heard` has to stay the same function. */
export function useEvents(heard: (event: CoreEvent) => void): void {
  const core = useCore();
  useEffect(() => core.onEvent(heard), [core, heard]);
}

export interface Shared {
  readonly account: AccountView | null | undefined;
  readonly link: LinkView | undefined;
  /** All of them; undefined before they are there. */
  readonly conversations: readonly ConversationView[] | undefined;
  /** Those that are there so far: what is shown first comes first. */
  readonly someConversations: readonly ConversationView[] | undefined;
  readonly contacts: readonly ContactView[];
  readonly requests: readonly RequestView[];
  readonly transfers: readonly TransferView[];
  readonly names: ReadonlyMap<Address, string>;
  /** False until it was heard once how people are called. */
  readonly named: boolean;
  /** Parts of the own history that are here, while more are to come. */
  readonly history: { readonly done: number; readonly total: number } | null;
}

const SharedContext = createContext<Shared | null>(null);

const none: readonly never[] = [];
const nobody: ReadonlyMap<Address, string> = new Map();

function rowsOf<T>(rows: readonly Keyed<T>[] | undefined): readonly T[] | undefined {
  return rows?.map(({ row }) => row);
}

/** Watches what the whole page shows. */
export function HasShared({ children }: { children: ReactNode }) {
  const account = useSnapshot<"account">("account");
  const link = useSnapshot<"link">("link");
  const { soFar, all } = useConversations();
  const contacts = useList<"contacts">("contacts");
  const requests = useList<"requests">("requests");
  const transfers = useList<"transfers">("transfers");
  const names = useNames(all, contacts);
  const { photos } = useHands();
  useEffect(() => { photos.know(photosOf(account ?? null, rowsOf(contacts) ?? none, rowsOf(soFar) ?? none)); }, [photos, account, contacts, soFar]);
  const [history, setHistory] = useState<Shared["history"]>(null);
  useEvents(useCallback((event: CoreEvent) => {
    if (event.event === "history_progress") setHistory(event.done < event.total ? event : null);
  }, []));
  const value = useMemo<Shared>(() => {
    const conversations = rowsOf(all);
    return {
      account,
      link,
      conversations,
      someConversations: conversations ?? rowsOf(soFar),
      contacts: rowsOf(contacts) ?? none,
      requests: rowsOf(requests) ?? none,
      transfers: rowsOf(transfers) ?? none,
      names: names ?? nobody,
      named: names !== undefined,
      history,
    };
  }, [account, link, all, soFar, contacts, requests, transfers, names, history]);
  return <SharedContext value={value}>{children}</SharedContext>;
}

/** How people are called, asked at once, and anew when people or conversations change; undefined before it was heard. */
function useNames(...changes: readonly unknown[]): ReadonlyMap<Address, string> | undefined {
  const core = useCore();
  const [names, setNames] = useState<ReadonlyMap<Address, string>>();
  useEffect(() => {
    // Also heard when the lists changed since: the list of conversations waits for it.
    core.ask<"names">("names").then((all) => { setNames((now) => now ?? renamed(now, all)); }, () => { setNames((now) => now ?? nobody); });
  }, [core]);
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(() => {
      core.ask<"names">("names").then((all) => {
        if (!gone) setNames((now) => renamed(now, all));
      }, () => undefined);
    }, 30);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
    // The changes are what it is asked anew for.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [core, ...changes]);
  return names;
}

/** How people are called; the same object where all are called as before, so that nothing is drawn anew. */
export function renamed(was: ReadonlyMap<Address, string> | undefined, all: Answers["names"]): ReadonlyMap<Address, string> {
  if (was?.size === all.length && all.every(({ address, name }) => was.get(address) === name)) return was;
  return new Map(all.map(({ address, name }) => [address, name]));
}

export function useShared(): Shared {
  const shared = useContext(SharedContext);
  if (shared === null) throw new Error("nothing watches the core for this screen");
  return shared;
}

/** The first digits of an address: who nobody has a name for. */
export function shortened(address: Address): string {
  return address.slice(0, 8);
}

/** How somebody is called here; the own account as in the reader's language. */
export function useNameOf(): (address: Address) => string {
  const { names, account } = useShared();
  const { words } = useSpeech();
  const own = account?.address;
  return useCallback((address: Address) => (address === own ? words.you : (names.get(address) ?? shortened(address))), [names, own, words]);
}

export type Act = (command: Command, done?: string) => Promise<readonly CoreEvent[] | null>;

/** Does an act; where it is refused, says why in a toast and answers null. `done` is said when it is stored. */
export function useAct(): Act {
  const core = useCore();
  const tell = useTell();
  const { words } = useSpeech();
  return useCallback(async (command, done) => {
    try {
      const events = await core.act(command);
      if (done !== undefined) tell(done);
      return events;
    } catch (error) {
      tell(words.told.failure(codeOf(error)));
      return null;
    }
  }, [core, tell, words]);
}

/** Hands a file over, to be named in an act; absent, and said, where it can not be kept. */
export function useGive(): (file: Blob) => Promise<string | null> {
  const core = useCore();
  const tell = useTell();
  const { words } = useSpeech();
  return useCallback(async (file) => {
    try {
      return await core.give(file);
    } catch (error) {
      tell(words.told.failure(codeOf(error)));
      return null;
    }
  }, [core, tell, words]);
}

/** Sets how a conversation is kept. */
export function useKeep(): (conversation: number, setting: ConversationSetting) => Promise<boolean> {
  const act = useAct();
  return useCallback(async (conversation, setting) => await act({ set_conversation: { conversation, setting } }) !== null, [act]);
}

/** The conversation with this local id. */
export function useConversation(id: number): ConversationView | undefined {
  return useShared().someConversations?.find((it) => it.conversation === id);
}

export function useContact(address: Address | null | undefined): ContactView | undefined {
  return useShared().contacts.find((it) => it.address === address);
}

export type { Line };

/** True while `query` holds: `(min-width: 52rem)`. */
export function useMedia(query: string): boolean {
  const match = useMemo(() => matchMedia(query), [query]);
  return useSyncExternalStore(
    useCallback((listener: () => void) => {
      match.addEventListener("change", listener);
      return () => { match.removeEventListener("change", listener); };
    }, [match]),
    () => match.matches,
  );
}
