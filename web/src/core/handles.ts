// Waits until the access handles of the store's files are free.
//
// The worker that had the core before lets its lock go a moment before its handles. The pool of
// the store takes all handles at once and gives none back when one is taken, so it is tried only
// after each was seen free.

interface Handle {
  close(): void;
}
interface Entry {
  readonly kind: "file" | "directory";
  createSyncAccessHandle(): Promise<Handle>;
}
interface Folder {
  getDirectoryHandle(name: string): Promise<Folder>;
  values(): AsyncIterable<Entry>;
}

/** Of `crates/client-web/src/store.rs`, and of the pool's own. */
const FOLDERS = [".comity-store", ".opaque"];
const WAITS_MS = [10, 20, 50, 100, 200, 400, 800, 1600, 3200];

/** Resolves when all are free; gives up after some seconds, and leaves it to the store to say so. */
export async function handlesFree(): Promise<void> {
  for (const wait of WAITS_MS) {
    if (await allFree()) {
      return;
    }
    await new Promise((done) => setTimeout(done, wait));
  }
}

async function allFree(): Promise<boolean> {
  let folder = (await navigator.storage.getDirectory()) as unknown as Folder;
  try {
    for (const name of FOLDERS) {
      folder = await folder.getDirectoryHandle(name);
    }
  } catch {
    // There is no store yet.
    return true;
  }
  for await (const entry of folder.values()) {
    if (entry.kind === "file") {
      try {
        (await entry.createSyncAccessHandle()).close();
      } catch {
        return false;
      }
    }
  }
  return true;
}
