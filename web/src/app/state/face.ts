/**
 * The application core as the screens have it: snapshots and lists come in, commands go out.
 *
 * Always holds: the shapes are the core's own (`core/types.ts`, generated from Rust). Deliberately
 * absent: how it runs; the browser has it in a worker, the page of parts has invented samples.
 */
import type { Answers, Ask, Change, Command, Event as CoreEvent, FileOf, TimelineItem, View, Views } from "../../core/types";

export type { Answers, Change, Command, CoreEvent, FileOf, View, Views };

/** A row with what it stays the same by. */
export interface Keyed<T> {
  readonly key: string;
  readonly row: T;
}

/** Why something can not be had: a stable code, and a sentence for developers. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** How the core is doing. */
export type CoreState = { readonly is: "starting" } | { readonly is: "ready" } | { readonly is: "failed"; readonly failure: Failure };

/** Whether the browser promised to keep what is stored; absent before it was asked. */
export interface Storage {
  readonly persisted?: boolean;
}

export type AskOf<K extends keyof Answers> = Extract<Ask, K | Record<K, unknown>>;
export type ViewOf<K extends keyof Views> = Extract<View, K | Record<K, unknown>>;
export type SnapshotView = "account" | "link";
export type ListView = Exclude<keyof Views, SnapshotView>;

/** One tab's way to the core. Every method that returns a function ends what it began by it. */
export interface Core {
  onState(listener: (state: CoreState) => void): () => void;
  onEvent(listener: (event: CoreEvent) => void): () => void;
  onStorage(listener: (storage: Storage) => void): () => void;
  /** Answered, or refused with an error that has a `code`. */
  ask<K extends keyof Answers>(ask: AskOf<K>): Promise<Answers[K]>;
  /** Resolves, with what the core told of it, when it is stored. */
  act(command: Command): Promise<Answers["do"]>;
  snapshot<K extends SnapshotView>(view: ViewOf<K>, show: (value: Views[K]) => void, refused?: (failure: Failure) => void): () => void;
  /** Rows that did not change are the same objects as before. With `more`, what is there so far is not all. */
  list<K extends ListView>(view: ViewOf<K>, show: (rows: readonly Keyed<Views[K]>[], more: boolean) => void, refused?: (failure: Failure) => void): () => void;
  /** Hands a file over; the name stands for it in the `path` of an act. */
  give(file: Blob): Promise<string>;
  /** A file that an act fetched under this name, once; absent when it is to be fetched again. */
  take(name: string): Promise<Blob | undefined>;
  /** The file of a message or a picture that was looked at once, where it is kept; also without a network. */
  kept(of: FileOf): Promise<Blob | undefined>;
  tryNow(): void;
  /** Asks the browser to keep what is stored. */
  persist(): Promise<boolean>;
}

/** How many of the others have a message of one's own, where a core tells it with the line. */
export interface Reach {
  readonly people: number;
  readonly delivered: number;
  readonly read: number;
}

/** A line of a conversation. */
export type Line = TimelineItem & { readonly progress?: Reach };

/** The code of a refusal; `internal` where there is none. */
export function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") return error.code;
  return "internal";
}

/** How long an act's own event may take: as long as a slow line and one more try. */
export const OUTCOME_MS = 45_000;

/**
 * Does `command` and waits for the event that `pick` finds, in its answer or later. Rejects with the
 * code of a failure of one of `acts`, or `timeout`.
 */
export async function outcome<T>(core: Pick<Core, "act" | "onEvent">, command: Command, acts: readonly string[], pick: (event: CoreEvent) => T | undefined, withinMs = OUTCOME_MS): Promise<T> {
  return new Promise<T>((done, failed) => {
    const refuse = (code: string): void => {
      end();
      failed(Object.assign(new Error(code), { code }));
    };
    const heard = (event: CoreEvent): void => {
      if (event.event === "failed" && acts.includes(event.act)) {
        refuse(event.code);
        return;
      }
      const found = pick(event);
      if (found === undefined) return;
      end();
      done(found);
    };
    const off = core.onEvent(heard);
    const timer = setTimeout(() => { refuse("timeout"); }, withinMs);
    const end = (): void => {
      clearTimeout(timer);
      off();
    };
    core.act(command).then((events) => { events.forEach(heard); }, (error: unknown) => { refuse(codeOf(error)); });
  });
}
