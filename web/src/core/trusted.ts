// The scripts that a page starts: the core's worker, and the service worker that keeps the app's shell.
//
// Always holds: where a page's policy asks for it (`trusted-types comity-worker`), these two are let in and no other.
// Deliberately absent: a second policy of Trusted Types; a browser makes each name once.

import { SERVICE_WORKER } from "../sw/shell";
import workerUrl from "./worker.ts?worker&url";

export { workerUrl };

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { readonly createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): URL };
}

const SCRIPTS: readonly string[] = [workerUrl, SERVICE_WORKER];

const rules = {
  createScriptURL(asked: string) {
    if (!SCRIPTS.includes(asked)) {
      throw new TypeError("only the core's worker and the service worker are scripts");
    }
    return asked;
  },
};

let policy: ReturnType<TrustedTypes["createPolicy"]> | undefined;

/** `url` as what starts a script takes it; a `TypeError` where it is neither of the two. */
export function trusted(url: string): string | URL {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (types === undefined) {
    return rules.createScriptURL(url);
  }
  policy ??= types.createPolicy("comity-worker", rules);
  return policy.createScriptURL(url);
}
