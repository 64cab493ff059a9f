/**
 * What was looked at once is there again: after a reload, without a network, after a kill; and gone with what it belongs to.
 *
 * One story, in order: each part goes on where the one before it ended. The other side is the terminal client; the folder of
 * the browser's own file system in which files are kept is listed, and written to, from the page. Needs `cargo xtask web` and
 * `cargo build`.
 */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { picture } from "./app";
import { Person } from "./person";
import { type Said, until, World } from "./world";

const ANNA = "202 555 0101";
const ANNA_WHOLE = "+12025550101";
const BEN_WHOLE = "+12025550102";
const HELLO = "Hello Anna, it is Benno with the pictures.";
const SKY = "The sky tonight";
const SEA = "The sea this morning";
const NOW = "Only for now";
const OWN = "What I see from here";
/** Stands in a file that is sent, many times; must stand in no file of the browser. */
const MARKER = `zanzibar-${randomBytes(6).toString("hex")}`;
/** Of `crates/client-web/src/kept/folder.rs`. */
const FOLDER = ".comity-kept";

/** A file of the folder. */
interface Kept {
  readonly name: string;
  readonly bytes: number;
}

let world: World;
let anna: Person;

beforeAll(async () => {
  world = await World.start();
  anna = await Person.start(world);
  world.secrets.add(MARKER);
});

afterAll(async () => {
  await anna.end();
  await world.end();
});

/** What lies in the folder. */
function kept(): Promise<Kept[]> {
  return anna.page.evaluate(async (folder) => {
    const root = await navigator.storage.getDirectory();
    const at = await root.getDirectoryHandle(folder).catch(() => null);
    const all: { name: string; bytes: number }[] = [];
    if (at === null) return all;
    for await (const name of (at as unknown as { keys(): AsyncIterable<string> }).keys()) {
      const file = await (await at.getFileHandle(name)).getFile().catch(() => null);
      // One that went meanwhile is not there.
      if (file !== null) all.push({ name, bytes: file.size });
    }
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  }, FOLDER);
}

async function names(): Promise<readonly string[]> {
  return (await kept()).map(({ name }) => name);
}

/** The one file that has come since there were these. */
function newSince(before: readonly string[]): Promise<Kept> {
  return until("a kept file", async () => {
    const fresh = (await kept()).filter(({ name, bytes }) => !before.includes(name) && bytes > 0);
    return fresh.length === 1 && fresh[0];
  });
}

/** Writes into a file of the folder, as nobody but a hand would. */
function writes(name: string, at: number): Promise<void> {
  return anna.page.evaluate(async ([folder, name, at]) => {
    const root = await navigator.storage.getDirectory();
    const file = await (await root.getDirectoryHandle(folder)).getFileHandle(name, { create: true });
    const out = await file.createWritable({ keepExistingData: true });
    await out.write({ type: "write", position: at, data: new Uint8Array(8).fill(0x55) });
    await out.close();
  }, [FOLDER, name, at] as const);
}

/** Benno sends a file. */
async function sends(name: string, bytes: Buffer, caption: string): Promise<void> {
  world.secrets.add(name, caption);
  const path = join(world.folder, name);
  await writeFile(path, bytes);
  await world.terminal("ben", "file", ANNA_WHOLE, path, "--caption", caption);
}

async function takesPicture(name: string, bytes: Buffer): Promise<void> {
  const path = join(world.folder, name);
  await writeFile(path, bytes);
  await world.terminal("ben", "profile", "--photo", path);
}

/** Benno's picture as it stands in the list, so many pixels wide. */
async function seesBen(width: number): Promise<void> {
  await until("Benno's picture", () => anna.row("Benno").locator("img").evaluateAll((all, width) => all.some((it) => (it as HTMLImageElement).naturalWidth === width), width));
}

async function reloads(): Promise<void> {
  await anna.page.reload();
  await anna.writing.waitFor();
}

test("somebody sends a picture, and has one of their own: each is kept once it was looked at", async () => {
  await anna.signUp(ANNA, "Anna");
  await anna.page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
  await world.signUp("ben", BEN_WHOLE, "Benno");
  await takesPicture("face.png", picture(96, 96));
  await world.terminal("ben", "send", ANNA_WHOLE, HELLO);
  await anna.openRequest("Benno", HELLO);
  await anna.accept(HELLO);
  await until("the conversation at Benno's", async () => {
    await world.terminal("ben", "sync");
    return world.terminal("ben", "send", ANNA_WHOLE, "Here they come.").catch(() => undefined);
  });
  await anna.message("Here they come.").waitFor();
  await seesBen(96);
  await newSince([]);
  await sends("sky.png", picture(320, 180), SKY);
  await anna.sees(SKY, 320);
  await until("both to be kept", async () => (await names()).length === 2);
  for (const name of await names()) expect(name).toMatch(/^[0-9a-f]{32}$/);
});

test("with the server gone, both are there again after a reload, and after a kill of the browser", async () => {
  await world.goAway();
  await reloads();
  await anna.sees(SKY, 320);
  await seesBen(96);
  await anna.browser.kill9();
  await anna.comesBack();
  await anna.openChat("Benno");
  await anna.sees(SKY, 320);
  await seesBen(96);
  await world.comeBack();
});

test("a kept file that was damaged is deleted, fetched again, and kept anew", async () => {
  const sky = (await kept()).sort((a, b) => b.bytes - a.bytes)[0];
  if (sky === undefined) throw new Error("nothing is kept");
  const had = world.carried.down;
  await reloads();
  await anna.sees(SKY, 320);
  // What is whole is not fetched.
  expect(world.carried.down).toBe(had);
  await writes(sky.name, sky.bytes - 20);
  await reloads();
  await anna.sees(SKY, 320);
  expect(world.carried.down).toBeGreaterThan(had);
  const again = world.carried.down;
  await until("it to be kept anew", async () => (await kept()).some(({ name, bytes }) => name === sky.name && bytes === sky.bytes));
  await reloads();
  expect((await anna.savePicture("sky.png", SKY, 320)).equals(picture(320, 180))).toBe(true);
  expect(world.carried.down).toBe(again);
});

test("what is half, or foreign, is gone after the next start", async () => {
  const before = await names();
  await writes("0123456789abcdef0123456789abcdef", 400);
  await writes("notes", 0);
  expect((await names()).length).toBe(before.length + 2);
  await reloads();
  await until("both to be gone", async () => JSON.stringify(await names()) === JSON.stringify(before));
});

test("deleted by its author, nothing of it is kept", async () => {
  const before = await names();
  await sends("sea.png", picture(200, 150), SEA);
  await anna.sees(SEA, 200);
  const sea = await newSince(before);
  const lines: readonly Said[] = await world.terminal("ben", "history", ANNA_WHOLE);
  const message = lines.findLast((line) => line.attachment !== undefined)?.message ?? "";
  await world.terminal("ben", "delete", ANNA_WHOLE, message);
  await anna.message(SEA).waitFor({ state: "detached" });
  await until("the kept file to be gone", async () => !(await names()).includes(sea.name));
  expect(await names()).toEqual(before);
});

test("a file that is pressed is kept, and read back when it is wanted", async () => {
  const before = await names();
  const notes = Buffer.from(`${MARKER}\n`.repeat(20_000));
  await sends("notes.txt", notes, "");
  await anna.fetches("notes.txt").click();
  await anna.comes("notes.txt");
  await newSince(before);
  await world.goAway();
  await reloads();
  expect((await anna.saveFile("notes.txt")).equals(notes)).toBe(true);
  await world.comeBack();
});

test("what one sends oneself is there again, too", async () => {
  const before = await names();
  await anna.sendPicture("window.png", picture(240, 240), OWN);
  await anna.got(OWN, "Sent");
  await newSince(before);
  const had = world.carried.down;
  await reloads();
  await anna.sees(OWN, 240);
  expect(world.carried.down).toBe(had);
});

test("another picture of somebody takes the place of the one before", async () => {
  const before = await kept();
  await takesPicture("other.png", picture(80, 80));
  await world.terminal("ben", "send", ANNA_WHOLE, "I look like this now.");
  await anna.message("I look like this now.").waitFor();
  await seesBen(80);
  await until("it to be kept", async () => {
    const now = await kept();
    return now.length === before.length && now.filter((it) => before.some((old) => old.name === it.name && old.bytes === it.bytes)).length === before.length - 1;
  });
  await world.goAway();
  await reloads();
  await seesBen(80);
  await world.comeBack();
});

test("what disappears is kept no longer", async () => {
  const before = await names();
  await world.terminal("ben", "timer", ANNA_WHOLE, "20s");
  await sends("now.png", picture(160, 120), NOW);
  await anna.sees(NOW, 160);
  const now = await newSince(before);
  await anna.message(NOW).waitFor({ state: "detached" });
  await until("the kept file to be gone", async () => !(await names()).includes(now.name));
  expect(await names()).toEqual(before);
});

test("no file of the browser holds what was in a file", async () => {
  await anna.browser.kill9();
  const named = await anna.browser.holding("comity.db");
  expect(named.found).not.toEqual([]);
  for (const said of [MARKER, SKY, NOW]) expect((await anna.browser.holding(said)).found, said).toEqual([]);
  await anna.comesBack();
  await anna.openChat("Benno");
});

test("nothing is kept of an account that is deleted", async () => {
  expect((await names()).length).toBeGreaterThan(2);
  await anna.goTo("Settings");
  await anna.press("Delete account");
  await anna.page.getByRole("checkbox", { name: "I know that it can not be undone" }).check();
  await anna.page.getByRole("button", { name: "Delete account" }).last().click();
  await anna.page.getByRole("alertdialog").getByRole("button", { name: "Delete account" }).click();
  await anna.page.getByText("Your account is deleted").waitFor();
  await until("the folder to be empty", async () => (await names()).length === 0);
});

test("nothing was complained of, and nothing written down", async () => {
  expect(await world.wrongs()).toEqual([]);
});
