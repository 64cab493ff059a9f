// The data key of this device's store, wrapped.
//
// 32 random bytes, sealed by AES-256-GCM under a key that WebCrypto made and gives to nobody: it
// lies in IndexedDB as a handle, and no script can read its bytes. The data key is opened once, at
// the core's start, since the core is synchronous and WebCrypto is not.
//
// Always holds: handle and sealed key are written in one transaction, so there is never one
// without the other. Deliberately absent: a passphrase; who can use this browser as this person
// can open the store.

const DATABASE = "comity-key";
const STORE = "key";
const LABEL = new TextEncoder().encode("comity browser store key v1");

interface Wrapped {
  readonly version: 1;
  readonly handle: CryptoKey;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly sealed: ArrayBuffer;
}

/** Its name is a stable code, as of all failures of a start. */
class KeyLost extends Error {
  override readonly name = "key_lost";
}

/**
 * The data key, made first if there is none; where there is a store already that another one sealed, it is lost. The
 * caller empties it once it was used.
 */
export async function dataKey(storeThere: () => Promise<boolean>): Promise<Uint8Array<ArrayBuffer>> {
  const database = await open();
  try {
    const kept: IDBRequest<unknown> = database.transaction(STORE).objectStore(STORE).get(STORE);
    // Nothing but `make` writes there.
    const found = (await asked(kept)) as Wrapped | undefined;
    if (found !== undefined) return await unwrap(found);
    if (await storeThere()) throw new KeyLost("there is a store, and not the key that sealed it");
    return await make(database);
  } finally {
    database.close();
  }
}

/** Forgets the key: what it sealed can not be opened any more, by anyone. */
export async function forgetKey(): Promise<void> {
  await asked(indexedDB.deleteDatabase(DATABASE));
}

async function unwrap(found: Wrapped): Promise<Uint8Array<ArrayBuffer>> {
  const how = { name: "AES-GCM", iv: found.iv, additionalData: LABEL };
  return new Uint8Array(await crypto.subtle.decrypt(how, found.handle, found.sealed));
}

async function make(database: IDBDatabase): Promise<Uint8Array<ArrayBuffer>> {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const handle = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
  const how = { name: "AES-GCM", iv, additionalData: LABEL };
  const wrapped: Wrapped = {
    version: 1,
    handle,
    iv,
    sealed: await crypto.subtle.encrypt(how, handle, key),
  };
  const write = database.transaction(STORE, "readwrite", { durability: "strict" });
  write.objectStore(STORE).put(wrapped, STORE);
  await new Promise<void>((done, failed) => {
    write.oncomplete = () => {
      done();
    };
    write.onabort = () => {
      failed(write.error ?? new Error("the key could not be kept"));
    };
  });
  return key;
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(STORE);
  };
  return asked(request);
}

function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => {
      done(request.result);
    };
    request.onerror = () => {
      failed(request.error ?? new Error("the browser's database failed"));
    };
  });
}
