/** What stands for a core where a page was built without one: it failed to start, and says so. */
import type { Core, CoreState } from "./face";

const FAILURE = { code: "core_missing", message: "cargo xtask web builds it" };
const refuse = (): Promise<never> => Promise.reject(Object.assign(new Error(FAILURE.message), { code: FAILURE.code }));
const end = (): void => undefined;

export class Missing implements Core {
  onState(listener: (state: CoreState) => void): () => void {
    listener({ is: "failed", failure: FAILURE });
    return end;
  }

  onEvent = (): (() => void) => end;
  onStorage = (): (() => void) => end;
  ask = refuse;
  act = refuse;
  snapshot = (): (() => void) => end;
  list = (): (() => void) => end;
  give = refuse;
  take = refuse;
  kept = refuse;
  tryNow = end;
  persist = (): Promise<boolean> => Promise.resolve(false);
}
