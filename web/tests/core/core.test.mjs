// The core in a real browser, against a real server and the terminal client.
//
// One story, in order: each part goes on where the one before it ended.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, act, ask, ready, shows } from "./browser.mjs";
import { World, builtPage, until } from "./world.mjs";

const ALICE = "+12025550101";
const BOB = "+12025550102";
/** Stands in what is said; must stand in no file of the browser. */
const MARKER = `zanzibar-${randomBytes(6).toString("hex")}`;

let world;
let browser;
let tab;
let conversation;

before(async () => {
  world = await World.start(await builtPage());
  browser = await Browser.start(world.url);
});

after(async () => {
  await browser?.end();
  await world?.end();
});

/** What Bob has of Alice, by text. */
async function atBob() {
  const lines = await world.terminal("bob", "history", ALICE, "--limit", "500");
  return lines.map((item) => item.text);
}

async function bobHas(text) {
  return until(`${text} at Bob's`, async () => {
    const texts = await atBob();
    return texts.includes(text) ? texts : undefined;
  });
}

function say(text) {
  return { send: { to: { conversation }, what: { text } } };
}

test("somebody signs up in a browser", async () => {
  tab = await browser.tab();
  assert.equal(await ask(tab, "account"), null);
  await act(tab, { start_registration: { number: ALICE, country: null } });
  const code = await world.code(ALICE);
  await act(tab, { enter_code: { code, name: "Alice" } });
  const account = await until("the account", () => ask(tab, "account"));
  assert.equal(account.number, ALICE);
  await until("being online", () =>
    tab.evaluate(() => window.events.some((event) => event.event === "online")),
  );
});

test("a browser and a terminal talk", async () => {
  await world.signUp("bob", BOB, "Bob");
  const found = tab.evaluate(
    () =>
      new Promise((done) => {
        window.core.onEvent((event) => event.event === "found" && done(event.contact));
      }),
  );
  await act(tab, { lookup: { number: BOB, country: null } });
  const { address } = await found;
  await act(tab, { send: { to: { person: address }, what: { text: `Hello Bob ${MARKER}` } } });
  await until("the request at Bob's", async () => {
    await world.terminal("bob", "sync");
    return (await world.terminal("bob", "requests")).length > 0;
  });
  await world.terminal("bob", "accept", ALICE);
  await world.terminal("bob", "send", ALICE, "Hello Alice");
  conversation = await until("the conversation", async () => {
    const [{ row } = {}] = await tab.evaluate(
      () => new Promise((done) => window.core.list("conversations", (rows) => done(rows))),
    );
    return row?.state === "active" ? row.conversation : undefined;
  });
  const texts = await shows(tab, conversation, ["Hello Alice"]);
  assert.equal(texts.filter((text) => text === `Hello Bob ${MARKER}`).length, 1);
});

test("what is not there is refused with its code, and questions are answered while sends wait", async () => {
  const refused = await tab.evaluate(() =>
    window.core.ask({ info: { conversation: 1, message: "00".repeat(16) } }).catch((error) => error.code),
  );
  assert.equal(refused, "not_found");
  await world.killServer();
  await act(tab, say("said while there is no way"));
  const [line] = (await ask(tab, { timeline: { conversation, limit: 1 } })) ?? [];
  assert.equal(line.status, "queued");
  await world.startServer();
  await act(tab, { mark_read: { conversation } });
  await tab.evaluate(() => window.core.tryNow());
  await bobHas("said while there is no way");
});

test("a reload in the middle of a send loses nothing and says nothing twice", async () => {
  await world.killServer();
  const kept = Array.from({ length: 10 }, (_, n) => `kept ${n}`);
  const thrown = Array.from({ length: 10 }, (_, n) => `thrown ${n}`);
  await tab.evaluate(
    async ([kept, thrown, conversation]) => {
      const say = (text) => window.core.act({ send: { to: { conversation }, what: { text } } });
      await Promise.all(kept.map(say));
      for (const text of thrown) {
        void say(text);
      }
    },
    [kept, thrown, conversation],
  );
  await Promise.all([tab.reload(), world.startServer()]);
  await ready(tab);
  const texts = await bobHas(kept.at(-1));
  for (const text of kept) {
    assert.equal(texts.filter((other) => other === text).length, 1, text);
  }
  for (const text of thrown) {
    assert.ok(texts.filter((other) => other === text).length <= 1, text);
  }
});

test("tabs share one core, and when its tab closes the next one takes over", async () => {
  const other = await browser.tab();
  await act(other, say("from the second tab"));
  await shows(tab, conversation, ["from the second tab"]);
  await bobHas("from the second tab");
  // Under way while the tab that has the core goes.
  const acts = other.evaluate(
    (conversation) =>
      Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          window.core.act({ send: { to: { conversation }, what: { text: `across ${n}` } } }),
        ),
      ),
    conversation,
  );
  await tab.close();
  await acts;
  tab = other;
  const texts = await bobHas("across 19");
  for (let n = 0; n < 20; n += 1) {
    assert.equal(texts.filter((text) => text === `across ${n}`).length, 1, `across ${n}`);
  }
  await world.terminal("bob", "send", ALICE, "to the tab that is left");
  await shows(tab, conversation, ["to the tab that is left"]);
});

test("files go both ways, and a reload does not stop one", async () => {
  const bytes = randomBytes(700_000);
  await world.killServer();
  await tab.evaluate(
    async ([base64, conversation]) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const file = new File([bytes], "score.bin");
      const path = await window.core.give(file);
      await window.core.act({
        send: {
          to: { conversation },
          what: { file: { path, file_name: "score.bin", media_type: "application/octet-stream", size: file.size, caption: "the score" } },
        },
      });
    },
    [bytes.toString("base64"), conversation],
  );
  await Promise.all([tab.reload(), world.startServer()]);
  await ready(tab);
  await bobHas("the score");
  const items = await world.terminal("bob", "history", ALICE, "--limit", "500");
  const { message } = items.find((item) => item.attachment);
  const saved = join(world.folder, "saved.bin");
  await world.terminal("bob", "save", ALICE, message, saved);
  assert.deepEqual(await readFile(saved), bytes);

  const back = join(world.folder, "back.bin");
  await writeFile(back, bytes);
  await world.terminal("bob", "file", ALICE, back);
  const got = await tab.evaluate(async (conversation) => {
    const message = await new Promise((done) => {
      window.core.list({ timeline: { conversation, limit: 5 } }, (rows) => {
        const row = rows.map(({ row }) => row).find((row) => row.attachment?.file_name === "back.bin");
        if (row?.attachment.available) {
          done(row.message);
        }
      });
    });
    const path = crypto.randomUUID();
    const moved = new Promise((done) => {
      window.core.onEvent((event) => event.event === "transfer" && event.path === path && event.state === "done" && done());
    });
    await window.core.act({ save_attachment: { conversation, message, path } });
    await moved;
    const blob = await window.core.take(path);
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  }, conversation);
  const expected = await crypto.subtle.digest("SHA-256", bytes);
  assert.deepEqual(got, Array.from(new Uint8Array(expected)));
});

test("killed at any moment, a browser has all that it kept, and says it once", async () => {
  await world.killServer();
  const kept = Array.from({ length: 5 }, (_, n) => `before the kill ${n}`);
  for (const text of kept) {
    await act(tab, say(text));
  }
  await browser.kill9();
  await world.startServer();
  await browser.open();
  tab = await browser.tab();
  await shows(tab, conversation, kept);
  const texts = await bobHas(kept.at(-1));
  for (const text of kept) {
    assert.equal(texts.filter((other) => other === text).length, 1, text);
  }
});

test("no file of the browser holds what was said", async () => {
  await browser.kill9();
  assert.notEqual((await browser.holding("comity.db")).length, 0, "the store's files were not found");
  assert.deepEqual(await browser.holding(MARKER), []);
  assert.deepEqual(await browser.holding("before the kill"), []);
  await browser.open();
  tab = await browser.tab();
  const found = await ask(tab, { search: { query: MARKER, limit: 5 } });
  assert.equal(found.length, 1);
});

test("nothing was complained of: no exception, no breach of the page's policy", () => {
  assert.deepEqual(browser.complaints, []);
});
