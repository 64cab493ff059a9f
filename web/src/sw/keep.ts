/**
 * Keeps a build's files in this browser.
 *
 * Always holds: a build is kept whole or not at all, each file with the hash that the build lists; the files of the
 * build that is in use stay until another one has taken over. Deliberately absent: a file that came another way than
 * by the list; nothing that is fetched while the app runs is put here.
 */
import { cacheOf, outdated, type Shell } from "./shell";

/**
 * Fetches and keeps all files. Rejects where one does not come or is not what the build lists, as when the server's
 * files change meanwhile.
 */
export async function keep(shell: Shell): Promise<void> {
  const name = cacheOf(shell.build);
  const begun = await caches.has(name);
  const cache = await caches.open(name);
  try {
    await Promise.all(Object.entries(shell.files).map(async ([path, integrity]) => { await cache.put(path, await fetched(path, integrity)); }));
  } catch (error) {
    // Where it was there before, a worker may answer from it.
    if (!begun) await caches.delete(name);
    throw error;
  }
}

/** The server is asked whether a file is still the same, so that its headers, with the policy in them, are today's. */
async function fetched(path: string, integrity: string): Promise<Response> {
  const response = await fetch(path, { cache: "no-cache", credentials: "same-origin", integrity, redirect: "error" });
  if (response.status !== 200) throw new Error(`${path}: ${String(response.status)}`);
  return response;
}

/** Deletes what other builds kept. */
export async function sweep(shell: Shell): Promise<void> {
  await Promise.all(outdated(await caches.keys(), shell.build).map((name) => caches.delete(name)));
}

/** A kept file; from the network where the browser deleted it. */
export async function kept(shell: Shell, path: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheOf(shell.build));
  return (await cache.match(path)) ?? fetch(request);
}
