/**
 * The core in a real browser, against a real server and the terminal client.
 *
 * One story, in order: each part goes on where the one before it ended. Needs `cargo xtask web` and `cargo build`.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Command, ConversationView } from "../../src/core/types";
import { act, ask, Browser, ready, shows } from "./browser";
import { builtPage, type Said, until, World } from "./world";

const ALICE = "+12025550101";
const BOB = "+12025550102";
/** Stands in what is said; must stand in no file of the browser. */
const MARKER = `zanzibar-${randomBytes(6).toString("hex")}`;

let page: string;
let world: World;
let browser: Browser;
let tab: Page;
let conversation: number;

beforeAll(async () => {
  page = await builtPage();
  world = await World.start(page);
  world.secrets.addNumber(ALICE);
  world.secrets.add(MARKER, "Alice", "score.bin", "the score", "back.bin", "from the second tab", "Hello Alice");
  browser = await Browser.start(world);
});

afterAll(async () => {
  await browser.end();
  await world.end();
  await rm(page, { recursive: true, force: true });
});

/** What Bob has of Alice. */
function atBob(): Promise<readonly Said[]> {
  return world.terminal("bob", "history", ALICE, "--limit", "500");
}

/** All texts that Bob has, once this one is among them. */
function bobHas(text: string): Promise<(string | undefined)[]> {
  return until(`${text} at Bob's`, async () => {
    const texts = (await atBob()).map((item) => item.text);
    return texts.includes(text) && texts;
  });
}

function times(texts: readonly (string | undefined)[], text: string): number {
  return texts.filter((other) => other === text).length;
}

function say(text: string): Command {
  world.secrets.add(text);
  return { send: { to: { conversation }, what: { text } } };
}

test("somebody signs up in a browser", async () => {
  tab = await browser.tab();
  expect(await ask<"account">(tab, "account")).toBeNull();
  await act(tab, { start_registration: { number: ALICE, country: null } });
  await act(tab, { enter_code: { code: await world.code(ALICE), name: "Alice" } });
  const account = await until("the account", () => ask<"account">(tab, "account"));
  expect(account.number).toBe(ALICE);
  await until("being online", () => tab.evaluate(() => window.events.some(({ event }) => event === "online")));
});

test("a browser and a terminal talk", async () => {
  await world.signUp("bob", BOB, "Bob");
  await act(tab, { lookup: { number: BOB, country: null } });
  const address = await until("Bob's address", () => tab.evaluate(() => window.events.find((event) => event.event === "found")?.contact.address));
  await act(tab, { send: { to: { person: address }, what: { text: `Hello Bob ${MARKER}` } } });
  await until("the request at Bob's", async () => {
    await world.terminal("bob", "sync");
    return (await world.terminal("bob", "requests")).length > 0;
  });
  await world.terminal("bob", "accept", ALICE);
  await world.terminal("bob", "send", ALICE, "Hello Alice");
  conversation = await until("the conversation", async () => {
    const rows = await tab.evaluate(
      () =>
        new Promise<ConversationView[]>((done) => {
          window.core.list<"conversations">("conversations", (rows) => {
            done(rows.map(({ row }) => row));
          });
        }),
    );
    return rows.find((row) => row.state === "active")?.conversation;
  });
  const texts = await shows(tab, conversation, ["Hello Alice"]);
  expect(times(texts, `Hello Bob ${MARKER}`)).toBe(1);
});

test("what is not there is refused with its code, and what is said without a way waits", async () => {
  const refused = await tab.evaluate(() =>
    window.core.ask<"info">({ info: { conversation: 1, message: "00".repeat(16) } }).then(
      () => "answered",
      (error: unknown) => (error as { code: string }).code,
    ),
  );
  expect(refused).toBe("not_found");
  await world.killServer();
  await act(tab, say("said while there is no way"));
  const [line] = await ask<"timeline">(tab, { timeline: { conversation, limit: 1 } });
  expect(line?.status).toBe("queued");
  await world.startServer();
  await tab.evaluate(() => {
    window.core.tryNow();
  });
  await bobHas("said while there is no way");
});

test("a reload in the middle of a send loses nothing and says nothing twice", async () => {
  await world.killServer();
  const kept = Array.from({ length: 10 }, (_, n) => `kept ${String(n)}`);
  const thrown = Array.from({ length: 10 }, (_, n) => `thrown ${String(n)}`);
  await tab.evaluate(
    async ([kept, thrown, conversation]) => {
      const say = (text: string) => window.core.act({ send: { to: { conversation }, what: { text } } });
      await Promise.all(kept.map(say));
      for (const text of thrown) void say(text);
    },
    [kept, thrown, conversation] as const,
  );
  await Promise.all([tab.reload(), world.startServer()]);
  await ready(tab);
  const last = kept.at(-1) ?? "";
  const texts = await bobHas(last);
  for (const text of kept) expect(times(texts, text), text).toBe(1);
  for (const text of thrown) expect(times(texts, text), text).toBeLessThanOrEqual(1);
});

test("tabs share one core, and when its tab closes the next one takes over", async () => {
  const other = await browser.tab();
  await act(other, say("from the second tab"));
  await shows(tab, conversation, ["from the second tab"]);
  await bobHas("from the second tab");
  // Under way while the tab that has the core goes.
  const acts = other.evaluate(
    (conversation) => Promise.all(Array.from({ length: 20 }, (_, n) => window.core.act({ send: { to: { conversation }, what: { text: `across ${String(n)}` } } }))),
    conversation,
  );
  await tab.close();
  await acts;
  tab = other;
  const texts = await bobHas("across 19");
  for (let n = 0; n < 20; n += 1) expect(times(texts, `across ${String(n)}`), `across ${String(n)}`).toBe(1);
  await world.terminal("bob", "send", ALICE, "to the tab that is left");
  await shows(tab, conversation, ["to the tab that is left"]);
});

test("a file goes out, and a reload does not stop it", async () => {
  const bytes = randomBytes(700_000);
  await world.killServer();
  await tab.evaluate(
    async ([base64, conversation]) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const file = new File([bytes], "score.bin");
      const path = await window.core.give(file);
      const what = { file: { path, file_name: "score.bin", media_type: "application/octet-stream", size: file.size, caption: "the score", look: { width: 0, height: 0, duration_ms: 0, voice: false } } };
      await window.core.act({ send: { to: { conversation }, what } });
    },
    [bytes.toString("base64"), conversation] as const,
  );
  await Promise.all([tab.reload(), world.startServer()]);
  await ready(tab);
  await bobHas("the score");
  const message = (await atBob()).find((item) => item.attachment !== undefined)?.message ?? "";
  const saved = join(world.folder, "saved.bin");
  await world.terminal("bob", "save", ALICE, message, saved);
  expect((await readFile(saved)).equals(bytes)).toBe(true);
});

/** The files that were given to be sent, and still lie there. */
function given(): Promise<readonly string[]> {
  return tab.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(".comity-outgoing");
    const names: string[] = [];
    for await (const name of (folder as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
    return names;
  });
}

test("what is up is not kept to be sent, and a file that could not be read to its end is not kept at all", async () => {
  await until("the end of the copy", async () => (await given()).length === 0);
  const code = await tab.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const write = async (bytes: number): Promise<File> => {
      const handle = await root.getFileHandle("changes.bin", { create: true });
      const to = await handle.createWritable();
      await to.write(new Uint8Array(bytes));
      await to.close();
      return handle.getFile();
    };
    const file = await write(900_000);
    // Another one now: what was taken of it before can not be read any more.
    await write(500_000);
    try {
      await window.core.give(file);
      return "kept";
    } catch (error) {
      await root.removeEntry("changes.bin");
      return (error as { code?: string }).code;
    }
  });
  expect(code).toBe("source_gone");
  expect(await given()).toEqual([]);
});

test("a file comes in", async () => {
  const bytes = randomBytes(700_000);
  const back = join(world.folder, "back.bin");
  await writeFile(back, bytes);
  await world.terminal("bob", "file", ALICE, back);
  const got = await tab.evaluate(async (conversation) => {
    const message = await new Promise<string>((done) => {
      window.core.list<"timeline">({ timeline: { conversation, limit: 5 } }, (rows) => {
        const line = rows.map(({ row }) => row).find((row) => row.attachment?.file_name === "back.bin");
        if (line?.attachment?.available === true) done(line.message);
      });
    });
    const path = crypto.randomUUID();
    const moved = new Promise<void>((done) => {
      window.core.onEvent((event) => {
        if (event.event === "transfer" && event.path === path && event.state === "done") done();
      });
    });
    await window.core.act({ save_attachment: { conversation, message, path } });
    await moved;
    const file = await window.core.take(path);
    if (file === undefined) throw new Error("the file is not there");
    return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())));
  }, conversation);
  expect(Buffer.from(got).toString("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
});

test("no file of the browser holds what was said", async () => {
  await browser.kill9();
  // What is looked for would be found: the store's own name is there, in the clear.
  const named = await browser.holding("comity.db");
  expect(named.found).not.toEqual([]);
  expect(named.files).toBeGreaterThan(20);
  for (const said of [MARKER, "said while there is no way", "to the tab that is left", BOB.slice(1)]) {
    expect((await browser.holding(said)).found, said).toEqual([]);
  }
  await browser.open();
  tab = await browser.tab();
  expect(await ask<"search">(tab, { search: { query: MARKER, limit: 5 } })).toHaveLength(1);
});

test("without its key the store is not taken for a new one", async () => {
  const started = (): Promise<unknown> => tab.evaluate(() => new Promise((done) => {
    window.core.onState((state) => { if (state.is !== "starting") done(state); });
  }));
  await tab.evaluate(() => new Promise((done, failed) => {
    const gone = indexedDB.deleteDatabase("comity-key");
    gone.onsuccess = done;
    gone.onerror = failed;
  }));
  await tab.reload();
  expect(await started()).toMatchObject({ is: "failed", failure: { code: "key_lost" } });
  // Nor is one made on the way.
  await tab.reload();
  expect(await started()).toMatchObject({ is: "failed", failure: { code: "key_lost" } });
});

test("nothing was complained of (no exception, no breach of the policy, no request to elsewhere), and nothing written down", async () => {
  expect(await world.wrongs()).toEqual([]);
});
