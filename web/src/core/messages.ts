// What tabs and the worker that has the core say to one another, around the core's own JSON.
//
// The tab whose worker has the core speaks to it directly; the others by channels of this origin:
// one that all hear, and one for each tab.

import type { FileOf } from "./types";

/** Of the browser's locks: who holds it has the core. */
export const CORE_LOCK = "comity-core";
/** Heard by all tabs and workers of this origin. */
export const ALL = "comity-core";

/** The channel of one tab; also the name of the lock that tells that it lives. */
export function channelOf(tab: string): string {
  return `comity-tab-${tab}`;
}

/** Why the core could not start. */
export interface CoreFailure {
  /** Stable: `storage_unavailable`, `store_in_use`, `store_newer`, `store_failed`, `other_version` … */
  readonly code: string;
  readonly message: string;
}

/** From a tab to the core's worker. */
export type ToCore =
  | { readonly kind: "hello"; readonly tab: string }
  | { readonly kind: "ask"; readonly tab: string; readonly question: string }
  | {
      readonly kind: "give";
      readonly tab: string;
      readonly id: number;
      readonly name: string;
      readonly file: Blob;
    }
  | { readonly kind: "take"; readonly tab: string; readonly id: number; readonly name: string }
  | { readonly kind: "kept"; readonly tab: string; readonly id: number; readonly of: FileOf }
  | { readonly kind: "try_now"; readonly tab: string };

/**
 * From the core's worker to a tab, or to all. `core` is where the worker's script is: its name has the hash of the
 * script and of the core in it, so a tab that was built with another core knows it by that.
 */
export type FromCore =
  | { readonly kind: "lead"; readonly leader: string; readonly core: string }
  | { readonly kind: "failed"; readonly failure: CoreFailure; readonly core: string }
  | { readonly kind: "told"; readonly leader: string; readonly json: string }
  | { readonly kind: "gave"; readonly id: number; readonly failure?: CoreFailure }
  | { readonly kind: "took"; readonly id: number; readonly file: Blob | undefined };

/** Any error as a failure: the core's errors carry their code as their name. */
export function failureOf(error: unknown): CoreFailure {
  if (error instanceof Error) {
    return { code: error.name, message: error.message };
  }
  return { code: "internal", message: String(error) };
}
