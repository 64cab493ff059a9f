// The core, as a screen has it: questions, acts, watched views, events, files.
//
// Always holds: a question is answered or refused with a stable code, also when the tab whose
// worker has the core is closed in between: what is asked is asked again of the next. A message
// that is said has its name before it leaves the tab, so that it is said once.
// Deliberately absent: React.

import { ALL, channelOf } from "./messages";
import type { CoreFailure, FromCore, ToCore } from "./messages";
import { applied } from "./rows";
import { trusted, workerUrl } from "./trusted";
import type { Keyed } from "./rows";
import type { Answers, Ask, Change, Command, Event as CoreEvent, FileOf, Told, View, Views } from "./types";

export type { CoreFailure } from "./messages";
export type { Keyed } from "./rows";

/** A refusal of the core. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "Refused";
  }
}

/** Whether the browser promised to keep what is stored, as far as is known. */
export interface Storage {
  /** Absent before it was asked. Where it is false, the browser may delete everything. */
  readonly persisted?: boolean;
}

/** How the core is doing. */
export type State =
  | { readonly is: "starting" }
  | { readonly is: "ready" }
  | { readonly is: "failed"; readonly failure: CoreFailure };

type AskOf<K extends keyof Answers> = Extract<Ask, K | Record<K, unknown>>;
type ViewOf<K extends keyof Views> = Extract<View, K | Record<K, unknown>>;
type SnapshotView = "account" | "link";
type ListView = Exclude<keyof Views, SnapshotView>;

interface Waiting {
  readonly message: ToCore;
  readonly repeat: boolean;
  readonly done: (value: unknown) => void;
  readonly failed: (error: Error) => void;
}

/** Acts that would be done twice if they were asked twice. */
const ONCE = new Set<string>([
  "start_registration",
  "enter_code",
  "recover",
  "take_over",
  "start_link",
  "approve_link",
  "make_recovery_phrase",
  "change_number",
  "delete_account",
  "report",
  "create_group",
  "make_invitation",
]);

/** Which core this tab was built with: where its worker's script is. */
const OWN_CORE = new URL(workerUrl, location.href).pathname;
/** Tabs that reload together come one after another; one that has not come by then is not on its way. */
const OTHER_CORE_MS = 3_000;

/** One tab's way to the core. */
export class Core {
  readonly #tab = crypto.randomUUID();
  readonly #worker: Worker;
  readonly #all = new BroadcastChannel(ALL);
  readonly #mine: BroadcastChannel;
  readonly #waiting = new Map<number, Waiting>();
  readonly #watched = new Map<number, { readonly view: View; readonly told: (c: Change) => void }>();
  readonly #events = new Set<(event: CoreEvent) => void>();
  readonly #states = new Set<(state: State) => void>();
  readonly #stored = new Set<(storage: Storage) => void>();
  #leader: string | undefined;
  #state: State = { is: "starting" };
  #storage: Storage = {};
  #last = 0;
  #other: ReturnType<typeof setTimeout> | undefined;

  /** Starts this tab's part; `origin` is the app's. */
  constructor(origin: string = location.origin) {
    this.#mine = new BroadcastChannel(channelOf(this.#tab));
    this.#worker = new Worker(trusted(workerUrl), { type: "module" });
    const heard = (event: MessageEvent<FromCore>) => {
      this.#heard(event.data);
    };
    this.#worker.onmessage = heard;
    this.#worker.onerror = (event) => {
      this.#set({ is: "failed", failure: { code: "worker", message: event.message } });
    };
    this.#mine.onmessage = heard;
    this.#all.onmessage = (event: MessageEvent<FromCore | ToCore>) => {
      // The tab whose worker has the core hears it directly.
      if (!("tab" in event.data) && this.#leader !== this.#tab) {
        this.#heard(event.data);
      }
    };
    void this.#live(origin);
  }

  /** How the core is doing, now and from now on. */
  onState(listener: (state: State) => void): () => void {
    listener(this.#state);
    return added(this.#states, listener);
  }

  /** What a person should notice, from now on. */
  onEvent(listener: (event: CoreEvent) => void): () => void {
    return added(this.#events, listener);
  }

  /** Whether what is stored may be lost, now and from now on. */
  onStorage(listener: (storage: Storage) => void): () => void {
    listener(this.#storage);
    return added(this.#stored, listener);
  }

  /** Asks; refused with [`Refused`]. */
  ask<K extends keyof Answers>(ask: AskOf<K>): Promise<Answers[K]> {
    const once = typeof ask === "object" && "do" in ask && ONCE.has(nameOf(ask.do));
    const id = this.#next();
    return this.#wait(
      id,
      { kind: "ask", tab: this.#tab, question: JSON.stringify({ id, ask }) },
      !once,
    ) as Promise<Answers[K]>;
  }

  /** A person's act; resolves, with what the core told of it, when it is stored. */
  act(command: Command): Promise<Answers["do"]> {
    return this.ask<"do">({ do: named(command) });
  }

  /** Watches a snapshot; returns what ends it. */
  snapshot<K extends SnapshotView>(
    view: ViewOf<K>,
    show: (value: Views[K]) => void,
    refused?: (failure: CoreFailure) => void,
  ): () => void {
    return this.#watch(view, (change) => {
      if (typeof change === "object" && "snapshot" in change) {
        show(change.snapshot as Views[K]);
      } else if ("refused" in change) {
        refused?.(change.refused);
      }
    });
  }

  /** Watches a list; returns what ends it. With `more`, what is there so far is not all. */
  list<K extends ListView>(
    view: ViewOf<K>,
    show: (rows: readonly Keyed<Views[K]>[], more: boolean) => void,
    refused?: (failure: CoreFailure) => void,
  ): () => void {
    let rows: readonly Keyed<Views[K]>[] = [];
    const leader = { was: this.#leader };
    return this.#watch(view, (change) => {
      if (leader.was !== this.#leader) {
        // Another worker has the core: it tells the list from its beginning.
        leader.was = this.#leader;
        rows = [];
      }
      if ("rows" in change) {
        rows = applied(rows, change.rows);
        show(rows, change.rows.more);
      } else if ("refused" in change) {
        refused?.(change.refused);
      }
    });
  }

  /** Hands a file over; the name stands for it in the `path` of an act. It is kept, sealed. */
  async give(file: Blob): Promise<string> {
    const name = crypto.randomUUID();
    const id = this.#next();
    await this.#wait(id, { kind: "give", tab: this.#tab, id, name, file }, true);
    return name;
  }

  /** A file that an act fetched under this name, once; absent when it is to be fetched again. */
  async take(name: string): Promise<Blob | undefined> {
    const id = this.#next();
    return (await this.#wait(id, { kind: "take", tab: this.#tab, id, name }, true)) as
      Blob | undefined;
  }

  /** What was looked at once, where it is kept; also without a network. Absent when it is to be fetched. */
  async kept(of: FileOf): Promise<Blob | undefined> {
    const id = this.#next();
    return (await this.#wait(id, { kind: "kept", tab: this.#tab, id, of }, true)) as
      Blob | undefined;
  }

  /** Somebody looks, or the network is back: no more waiting for the next attempt to connect. */
  tryNow(): void {
    this.#post({ kind: "try_now", tab: this.#tab });
  }

  /** Asks the browser to keep what is stored; done by itself once there is an account. */
  async persist(): Promise<boolean> {
    const persisted = (await navigator.storage.persisted()) || (await navigator.storage.persist());
    this.#storage = { persisted };
    for (const listener of this.#stored) {
      listener(this.#storage);
    }
    return persisted;
  }

  async #live(origin: string): Promise<void> {
    // Held while this tab lives; the core's worker waits for it, and then forgets the tab.
    await new Promise<void>((held) => {
      void navigator.locks.request(channelOf(this.#tab), () => {
        held();
        return new Promise<never>(() => undefined);
      });
    });
    const start = { kind: "start", tab: this.#tab, origin } as const;
    this.#worker.postMessage(start);
    this.#all.postMessage({ kind: "hello", tab: this.#tab });
    this.snapshot<"account">("account", (account) => {
      if (account !== null && this.#storage.persisted === undefined) {
        void this.persist();
      }
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") {
        this.tryNow();
      }
    });
  }

  #next(): number {
    this.#last += 1;
    return this.#last;
  }

  #watch(view: View, told: (change: Change) => void): () => void {
    const watch = this.#next();
    this.#watched.set(watch, { view, told });
    if (this.#leader !== undefined) {
      this.#rewatch(watch, view);
    }
    return () => {
      this.#watched.delete(watch);
      if (this.#leader !== undefined) {
        void this.ask<"unwatch">({ unwatch: watch }).catch(() => undefined);
      }
    };
  }

  #rewatch(watch: number, view: View): void {
    // Nobody waits for this answer: after a change of the leader all is watched anew.
    const question = JSON.stringify({ id: 0, ask: { watch: { watch, view } } });
    this.#post({ kind: "ask", tab: this.#tab, question });
  }

  #wait(id: number, message: ToCore, repeat: boolean): Promise<unknown> {
    if (this.#state.is === "failed") {
      return Promise.reject(new Refused(this.#state.failure.code, this.#state.failure.message));
    }
    return new Promise((done, failed) => {
      this.#waiting.set(id, { message, repeat, done, failed });
      this.#post(message);
    });
  }

  #post(message: ToCore): void {
    if (this.#leader === this.#tab) {
      this.#worker.postMessage(message);
    } else if (this.#leader !== undefined) {
      this.#all.postMessage(message);
    }
  }

  #heard(message: FromCore): void {
    switch (message.kind) {
      case "lead":
        if (message.core === OWN_CORE) {
          this.#follow(message.leader);
        } else {
          this.#away();
        }
        break;
      case "failed":
        if (message.core === OWN_CORE) {
          this.#fail(message.failure);
        } else {
          this.#away();
        }
        break;
      case "told":
        if (message.leader !== this.#leader) {
          // Of a worker that is gone: what is watched and asked begins anew with the next.
          break;
        }
        for (const told of JSON.parse(message.json) as Told[]) {
          this.#told(told);
        }
        break;
      case "gave":
        this.#settle(message.id, undefined, message.failure);
        break;
      case "took":
        this.#settle(message.id, message.file, undefined);
        break;
    }
  }

  #told(told: Told): void {
    if ("answer" in told) {
      this.#settle(told.answer.id, told.answer.ok, told.answer.error);
    } else if ("change" in told) {
      this.#watched.get(told.change.watch)?.told(told.change.change);
    } else {
      for (const listener of this.#events) {
        try {
          listener(told.event);
        } catch (error) {
          // The others hear it all the same, and what comes behind it.
          reportError(error);
        }
      }
    }
  }

  #settle(id: number, value: unknown, refusal: CoreFailure | undefined): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (refusal === undefined) {
      waiting?.done(value);
    } else {
      waiting?.failed(new Refused(refusal.code, refusal.message));
    }
  }

  /** A tab of another build has the core. When it goes, this tab's own worker may be the next. */
  #away(): void {
    if (this.#leader === this.#tab) {
      // Said before this tab's worker was the next.
      return;
    }
    if (this.#leader !== undefined) {
      this.#interrupt();
    }
    this.#leader = undefined;
    this.#other ??= setTimeout(() => {
      this.#fail({ code: "other_version", message: "a tab of another build has the core" });
    }, OTHER_CORE_MS);
  }

  #follow(leader: string): void {
    clearTimeout(this.#other);
    this.#other = undefined;
    if (leader === this.#leader) {
      return;
    }
    if (this.#leader !== undefined) {
      this.#interrupt();
    }
    this.#leader = leader;
    if (leader !== this.#tab) {
      // It hears of this tab, and watches over its life.
      this.#all.postMessage({ kind: "hello", tab: this.#tab });
    }
    for (const [watch, { view }] of this.#watched) {
      this.#rewatch(watch, view);
    }
    for (const { message } of this.#waiting.values()) {
      this.#post(message);
    }
    this.#set({ is: "ready" });
  }

  /** The core that was asked is gone: what must not be asked twice has no answer. */
  #interrupt(): void {
    for (const [id, waiting] of this.#waiting) {
      if (!waiting.repeat) {
        this.#waiting.delete(id);
        waiting.failed(new Refused("interrupted", "whether it was done is to be looked at"));
      }
    }
  }

  #fail(failure: CoreFailure): void {
    this.#set({ is: "failed", failure });
    for (const waiting of this.#waiting.values()) {
      waiting.failed(new Refused(failure.code, failure.message));
    }
    this.#waiting.clear();
  }

  #set(state: State): void {
    this.#state = state;
    for (const listener of this.#states) {
      listener(state);
    }
  }
}

function added<T>(to: Set<T>, listener: T): () => void {
  to.add(listener);
  return () => {
    to.delete(listener);
  };
}

function nameOf(command: Command): string {
  return typeof command === "string" ? command : (Object.keys(command)[0] ?? "");
}

/** With a name of its own, so that what is asked twice is said once. */
function named(command: Command): Command {
  if (typeof command === "object" && "send" in command && command.send.id == null) {
    const id = [...crypto.getRandomValues(new Uint8Array(16))]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
    return { send: { ...command.send, id } };
  }
  return command;
}
