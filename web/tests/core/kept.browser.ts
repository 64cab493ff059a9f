/**
 * The app as it ships, kept by its service worker: it starts without a server, and its next version comes when asked for.
 *
 * One story, in order: each part goes on where the one before it ended. Needs `cargo xtask web` and `cargo build`.
 */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { speak } from "../../src/ui/words/context";
import { policy } from "../policy";
import { Browser } from "./browser";
import { builtApp, CARRIED, PATIENCE_MS, until, World } from "./world";

const ALICE = "+12025550103";
/** How long a build of the app may take. */
const BUILD_MS = 600_000;
const { words } = speak("en");

/** The app as the server's program carries it. */
const first = CARRIED;
let second: string;
let broken: string | undefined;
let world: World;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  second = await builtApp("tests/core/second.config.ts");
  world = await World.start(first);
  browser = await Browser.start(world);
}, BUILD_MS);

afterAll(async () => {
  await browser.end();
  await world.end();
  for (const folder of [second, broken].filter((it) => it !== undefined)) await rm(folder, { recursive: true, force: true });
});

/** Resolves once the app's list of conversations is shown. */
async function home(of: Page): Promise<void> {
  await of.locator("input[type=search]").first().waitFor({ timeout: PATIENCE_MS });
}

/** All caches of the origin, with the paths that each has. */
function caches(): Promise<Record<string, string[]>> {
  return page.evaluate(async () => {
    const all: Record<string, string[]> = {};
    for (const name of await window.caches.keys()) {
      const requests = await (await window.caches.open(name)).keys();
      all[name] = requests.map((request) => new URL(request.url).pathname).sort();
    }
    return all;
  });
}

/** What a build has, as addresses; beside it may stand what the program makes of it. */
async function addresses(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name).slice(folder.length));
  return names.filter((name) => name !== "/sw.js" && !/^\/\.|\.br$/.test(name)).map((name) => (name === "/index.html" ? "/" : name)).sort();
}

/** As when somebody comes back to the tab: the app looks for its next version. */
function comesBack(): Promise<void> {
  return page.evaluate(() => { document.dispatchEvent(new Event("visibilitychange")); });
}

/** Which version a page is of. */
function version(of: Page): Promise<string> {
  return of.evaluate(() => document.querySelector("meta[name=version]")?.getAttribute("content") ?? "first");
}

function update(of: Page) {
  return of.getByText(words.home.newVersion);
}

test("the app that has started is kept whole, and nothing beside it", async () => {
  page = await browser.page();
  await page.getByText(words.start.welcome).waitFor({ timeout: PATIENCE_MS });
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated", undefined, { timeout: PATIENCE_MS });
  expect(Object.values(await caches())).toEqual([await addresses(first)]);
});

test("somebody signs up", async () => {
  world.secrets.addNumber(ALICE);
  world.secrets.add("Alice");
  await page.getByText(words.start.begin).click();
  await page.locator("input[type=tel]").fill(ALICE);
  await page.locator("button[type=submit]").click();
  await page.locator("input[autocomplete=one-time-code]").waitFor({ timeout: PATIENCE_MS });
  await page.locator("input[autocomplete=one-time-code]").focus();
  await page.keyboard.insertText(await world.code(ALICE));
  await page.locator("button[type=submit]").click();
  await page.locator("input[autocomplete=name]").fill("Alice");
  await page.locator("button[type=submit]").click();
  await home(page);
});

test("the worker answers for the app's files, and never for the server's acts", async () => {
  browser.answers.length = 0;
  await page.reload();
  await home(page);
  const status = await page.evaluate(async () => (await fetch("/v1/nothing")).status);
  expect(status).toBe(404);
  await until("the answer of the server", () => browser.answers.some(({ path }) => path === "/v1/nothing"));
  const files = await addresses(first);
  expect(browser.answers.filter(({ path, byWorker }) => byWorker !== files.includes(path))).toEqual([]);
  expect(browser.answers.map(({ path }) => path)).toContain("/");
  // What was asked of the server meanwhile, signing up and all, is in no cache.
  expect(Object.values(await caches())).toEqual([files]);
});

test("with the server gone the app starts, under its policy, and says that there is no connection", async () => {
  await world.goAway();
  const answer = await page.reload();
  expect(answer?.headers()["content-security-policy"]).toBe(policy);
  await home(page);
  await page.getByText(words.home.offline).waitFor({ timeout: PATIENCE_MS });
  expect(await page.evaluate(() => fetch("/v1/nothing").then(() => "answered", () => "refused"))).toBe("refused");
});

test("also in a browser that was killed and starts anew", async () => {
  await browser.kill9();
  await browser.open();
  page = await browser.page();
  await home(page);
  await page.getByText(words.home.offline).waitFor({ timeout: PATIENCE_MS });
});

test("a next version waits, is said in all tabs, and comes to all of them at once", async () => {
  const before = Object.keys(await caches());
  world.serves(second);
  await world.comeBack();
  const other = await browser.page();
  await home(other);
  await comesBack();
  for (const tab of [page, other]) {
    await update(tab).waitFor({ timeout: PATIENCE_MS });
    expect(await version(tab)).toBe("first");
  }
  // Nothing is swapped: also a tab that is opened now is of the version that runs.
  await other.reload();
  await update(other).waitFor({ timeout: PATIENCE_MS });
  expect(await version(other)).toBe("first");
  await page.getByRole("button", { name: words.home.reload }).click();
  for (const tab of [page, other]) {
    await until("the next version", () => version(tab).then((is) => is === "second", () => false));
    await home(tab);
    expect(await update(tab).count()).toBe(0);
  }
  const after = await caches();
  expect(Object.values(after)).toEqual([await addresses(second)]);
  expect(before).not.toContain(Object.keys(after)[0]);
  await other.close();
});

test("an update that does not come whole leaves what is there", async () => {
  const before = await caches();
  broken = await mkdtemp(join(tmpdir(), "core-app-"));
  await cp(first, broken, { recursive: true });
  const lost = (await addresses(first)).find((path) => path.includes("emoji.ar"));
  await rm(join(broken, lost ?? ""));
  world.serves(broken);
  const ended = page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    return new Promise<string>((done) => {
      registration.addEventListener("updatefound", () => {
        const worker = registration.installing;
        worker?.addEventListener("statechange", () => { done(worker.state); });
      });
    });
  });
  await comesBack();
  expect(await ended).toBe("redundant");
  expect(await caches()).toEqual(before);
  expect(await update(page).count()).toBe(0);
  await world.goAway();
  await page.reload();
  await home(page);
  expect(await version(page)).toBe("second");
});

test("a tab speaks to no core of another version, and goes on when that one is gone", async () => {
  world.serves(first);
  await world.comeBack();
  const plain = await Browser.start(world, { serviceWorkers: false });
  const old = await plain.page();
  await old.getByText(words.start.welcome).waitFor({ timeout: PATIENCE_MS });
  world.serves(second);
  const young = await plain.page();
  expect(await version(young)).toBe("second");
  await young.getByText(words.told.start("other_version").title).waitFor({ timeout: PATIENCE_MS });
  await old.close();
  await young.getByText(words.start.welcome).waitFor({ timeout: PATIENCE_MS });
  await plain.end();
});

test("nothing was complained of, and nothing written down", async () => {
  expect(await world.wrongs()).toEqual([]);
});
