/**
 * What watches over the stories sees what it is there for: one of each is planted, and found.
 *
 * Deliberately absent: that nothing else is found; each story ends with that.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Browser } from "./browser";
import { until, World } from "./world";

const ELSEWHERE = "http://elsewhere.example";
/** As the app's own: the policy knows its name. */
const TRUSTED = 'const trusted = trustedTypes.createPolicy("comity-worker", { createScriptURL: (url) => url });';

const FILES: Readonly<Record<string, string>> = {
  "index.html": '<!doctype html><title>Planted</title><link rel="icon" href="data:,"><script src="/page.js"></script>',
  "page.js": `
    ${TRUSTED}
    window.plant = {
      request: () => fetch("${ELSEWHERE}/page").catch(() => undefined),
      socket: () => { new WebSocket("ws://elsewhere.example/socket"); },
      markup: () => { document.body.innerHTML = "<b>bold</b>"; },
      // By itself: what a debugger calls may do more.
      text: () => { setTimeout(() => { new Function("return 1"); }); },
      exception: () => { setTimeout(() => { throw new Error("planted in the page"); }); },
      said: () => { console.error("said on the console"); },
      worker: () => { new Worker(trusted.createScriptURL("/worker.js")); },
      service: () => navigator.serviceWorker.register(trusted.createScriptURL("/service.js")).then(() => undefined),
    };`,
  "worker.js": `
    fetch("${ELSEWHERE}/worker").catch(() => undefined);
    setTimeout(() => { throw new Error("planted in the worker"); });
    try { new Function("return 1"); } catch {}`,
  "service.js": `fetch("${ELSEWHERE}/service").catch(() => undefined);`,
};

let folder: string;
let world: World;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "core-planted-"));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
  world = await World.start(folder);
  browser = await Browser.start(world);
});

afterAll(async () => {
  await browser.end();
  await world.end();
  await rm(folder, { recursive: true, force: true });
});

/** What a plant is called in the page, and what is complained of by it. */
const PLANTS: readonly (readonly [string, readonly RegExp[]])[] = [
  ["request", [/^policy: .*connect-src.*elsewhere\.example\/page/, /^console: policy: connect-src/]],
  ["socket", [/^policy: .*connect-src.*elsewhere/]],
  ["markup", [/^policy: .*require-trusted-types-for/, /^console: policy: require-trusted-types-for/]],
  ["text", [/^policy: .*(eval|trusted-types)/, /^exception: /]],
  ["exception", [/^exception: .*planted in the page/]],
  ["said", [/^console: said on the console/]],
  ["worker", [/^policy: .*worker\.js.*connect-src/, /^policy: .*worker\.js.*(eval|trusted-types-sink)/, /^exception: .*planted in the worker/]],
  ["service", [/^policy: .*service\.js.*connect-src/]],
];

test.each(PLANTS)("planted in a page: %s", async (plant, wanted) => {
  const page = await browser.page();
  world.complaints.length = 0;
  await page.evaluate((plant) => (window as unknown as { plant: Record<string, () => unknown> }).plant[plant]?.(), plant).catch(() => undefined);
  for (const complaint of wanted) {
    await until(String(complaint), () => world.complaints.some((it) => complaint.test(it))).catch((error: unknown) => {
      throw new Error(`complained of was only ${JSON.stringify(world.complaints)}`, { cause: error });
    });
  }
  await page.close();
});

test("a way to elsewhere that no policy forbids, also to another port of this machine, ends at the door", async () => {
  const page = await browser.page();
  for (const address of [`${ELSEWHERE}/whole`, "https://elsewhere.example/sealed", "http://localhost:40404/near"]) {
    world.complaints.length = 0;
    await page.goto(address).catch(() => undefined);
    const { host } = new URL(address);
    for (const heard of ["a way to elsewhere: ", ...(address.startsWith("https:") ? [] : ["request to "])]) {
      await until(`${heard}${host}`, () => world.complaints.some((it) => it.startsWith(heard) && it.includes(host)));
    }
  }
  await page.close();
});

test("what the server wrote is found, and only then", async () => {
  world.complaints.length = 0;
  world.secrets.add("nobody says this");
  expect(await world.wrongs()).toEqual([]);
  // It writes this when it starts.
  world.secrets.add("test.localhost");
  expect(await world.wrongs()).toEqual([expect.stringContaining("the server wrote test.localhost")]);
});
