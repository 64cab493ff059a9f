// Waits until the access handles of the store's files are free, and tells whether they hold a store.
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
  getFile(): Promise<Blob>;
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
  for await (const file of files()) {
    try {
      (await file.createSyncAccessHandle()).close();
    } catch {
      return false;
    }
  }
  return true;
}

/** Whether a file of the pool belongs to a store: the pool writes its name at the beginning, and noughts where it has none. */
export async function storeThere(): Promise<boolean> {
  for await (const file of files()) {
    const [first] = new Uint8Array(await (await file.getFile()).slice(0, 1).arrayBuffer());
    if (first !== undefined && first !== 0) {
      return true;
    }
  }
  return false;
}

/** The pool's files; none before there is a pool. */
async function* files(): AsyncIterable<Entry> {
  let folder = (await navigator.storage.getDirectory()) as unknown as Folder;
  try {
    for (const name of FOLDERS) {
      folder = await folder.getDirectoryHandle(name);
    }
  } catch {
    return;
  }
  for await (const entry of folder.values()) {
    if (entry.kind === "file") {
      yield entry;
    }
  }
}
