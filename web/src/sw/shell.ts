/**
 * The app's shell: the files that the app starts from, as a build lists them, and which requests they answer.
 *
 * Always holds: what is not listed is left to the network, and so is everything that carries more than a plain GET
 * of this origin. Deliberately absent: the browser's caches; `keep.ts` has them.
 */

/** Where the service worker is; it governs all that lies beside and below it. */
export const SERVICE_WORKER = "/sw.js";

/** What a page says to a worker that waits, so that it takes the place of the one that is active. */
export const TAKE_OVER = "take_over";

/** The files of one build. */
export interface Shell {
  /** Names the build: another one where any file, the policy, or the service worker differs. */
  readonly build: string;
  /** Path from the root (the page itself is `/`) to its hash, as `integrity` of a fetch has it (`sha256-…`). */
  readonly files: Readonly<Record<string, string>>;
}

const CACHES = "comity-shell-";

/** The name of a build's cache. */
export function cacheOf(build: string): string {
  return CACHES + build;
}

/** Which of these caches are of other builds. Caches that are not of a shell are nobody's business here. */
export function outdated(names: readonly string[], build: string): readonly string[] {
  return names.filter((name) => name.startsWith(CACHES) && name !== cacheOf(build));
}

/** As much of a request as is looked at. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly mode: string;
  readonly headers: { has(name: string): boolean };
}

/** Headers of a request for more, or for less, than a file as it is. */
const NOT_PLAIN = ["authorization", "range"];

/**
 * The path of the file that answers `asked`; undefined where the network has to. A page is asked for with any search,
 * a file only by its own name: no other address is a page of the server's either.
 */
export function answerOf(shell: Shell, origin: string, asked: Asked): string | undefined {
  const url = new URL(asked.url);
  if (asked.method !== "GET" || url.origin !== origin || NOT_PLAIN.some((name) => asked.headers.has(name))) return undefined;
  const plain = url.search === "" || asked.mode === "navigate";
  const page = url.pathname === "/";
  // A file that is opened by itself is shown as the server has it.
  if (!plain || (asked.mode === "navigate") !== page) return undefined;
  return Object.hasOwn(shell.files, url.pathname) ? url.pathname : undefined;
}
