/**
 * How fast the app is for who uses it, with a large store, by the browser's own performance entries: `npm run bench`, or
 * `cargo xtask bench-web`, which builds what it takes. One story, in order; docs/performance.md says what each figure is.
 *
 * Always holds: the real app, which the server's program carries, over a real server that real people talk through; every
 * message arrives, or it fails. Deliberately absent: judging by time. `COMITY_BENCH` has other amounts, as JSON;
 * `COMITY_BENCH_QUICK` those that take a minute, which say nothing about speed.
 */
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Person } from "../core/person";
import { TARGET } from "../core/world";
import { type Figure, spreadOf, table } from "./figures";
import { type Amounts, Friends } from "./friends";
import { begin, end, marked, parts, type Seen, travelled } from "./seen";

interface Wanted extends Amounts {
  readonly starts: number;
  readonly presses: number;
}

const FULL: Wanted = { conversations: 1_000, messages: 100_000, longest: 60_000, missed: 10_000, bytes: 80, starts: 20, presses: 100 };
const QUICK: Wanted = { conversations: 40, messages: 1_200, longest: 500, missed: 300, bytes: 80, starts: 3, presses: 10 };
const WANTED: Wanted = {
  ...(process.env.COMITY_BENCH_QUICK === undefined ? FULL : QUICK),
  ...(JSON.parse(process.env.COMITY_BENCH ?? "{}") as Partial<Wanted>),
};
const JSON_FILE = resolve(TARGET, "bench-web.json");
/** How far one turn of the wheel goes, in pixels: as many as a fast one does. */
const TURN_PX = 1_200;
/** Nothing that is waited for here takes longer without anything coming. */
const STALLED_MS = 120_000;

let friends: Friends;
let anna: Person;
const figures: Figure[] = [];
let version = "";
/** What was unread when the browser was closed last. */
let had = 0;
/** How much was said in the longest conversation. */
let longest = 0;

beforeAll(async () => {
  friends = await Friends.start(WANTED);
  // The server's certificate is vouched for by nobody.
  anna = await Person.start(friends, ["--ignore-certificate-errors"]);
  version = anna.page.context().browser()?.version() ?? (await anna.page.evaluate(() => navigator.userAgent));
});

afterAll(async () => {
  await Promise.all([anna.end(), friends.end()]);
  const about = { amounts: WANTED, optimised: friends.optimised, browser: version, cores: cpus().length };
  await writeFile(JSON_FILE, `${JSON.stringify({ ...about, figures: figures.map((figure) => ({ ...figure, ...spreadOf(figure.values) })) }, null, 1)}\n`);
  console.log(`${JSON.stringify(about)}\n\n${table(figures)}\n\nall values: ${JSON_FILE}`);
});

test("a first load, in a browser that has nothing", async () => {
  const { page } = anna;
  await anna.button("Start with your number").waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready);
  const drawn = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN);
  const all = await travelled(page);
  expect([...all.keys()].some((address) => address.endsWith(".wasm"))).toBe(true);
  note({ what: "first load: bytes as they travel", unit: "bytes", asked: "< 1,500,000", values: [[...all.values()].reduce((sum, bytes) => sum + bytes, 0)] });
  note({ what: "first load: first words drawn", unit: "ms", values: [drawn] });
});

test("people ask to talk, and are accepted; while the browser is away they say a lot", async () => {
  await anna.signUp("202 555 0101", "Anna");
  friends.tell("ask +12025550101");
  const { asked } = await friends.hears("asked");
  for (const { name, text } of asked) {
    await anna.openRequest(name, text);
    await anna.accept(text);
  }
  await friends.hears("friends");
  await leave();
  friends.tell("talk");
  ({ longest } = await friends.hears("talked", ({ said }) => { if (said !== undefined) console.log(`${String(said)} messages said`); }));
});

test("all of it arrives in one go", async () => {
  await anna.open();
  const { page } = anna;
  const listed = await marked(page, "comity:list");
  await begin(page, listed);
  await comes("the messages", async () => {
    const far = await unread();
    return { far, there: far >= had + WANTED.messages };
  });
  const seen = await end(page);
  expect(await unread()).toBe(had + WANTED.messages);
  screen(`${WANTED.messages.toLocaleString("en-GB")} messages arrive`, seen);
  note({ what: "their pace", unit: "messages/s", values: [(WANTED.messages * 1_000) / seen.ms] });
});

test("a start with all of it in store", async () => {
  const lists: number[] = [];
  const of = new Map<string, number[]>();
  for (let n = 0; n <= WANTED.starts; n += 1) {
    await anna.page.close();
    await anna.open();
    lists.push(await marked(anna.page, "comity:list"));
    for (const [name, ms] of Object.entries(await parts(anna.page))) of.set(name, [...(of.get(name) ?? []), ms]);
    await anna.page.getByRole("list", { name: "Chats" }).getByRole("listitem").first().waitFor();
    await quiet();
  }
  // The first one is the page's first from the service worker's files.
  note({ what: "warm start to a usable list", unit: "ms", asked: "< 500", values: lists.slice(1) });
  for (const [name, values] of of) note({ what: `of that, ${name}`, unit: "ms", values: values.slice(1) });
});

test("from a key to the own bubble", async () => {
  const { page } = anna;
  await openLongest();
  // It is opened where the unread begin.
  await anna.button(/^To the newest message/).click();
  await comes("the newest message", async () => {
    const { last, atEnd } = await ends();
    return { far: last, there: atEnd && last.startsWith(`${String(longest)} `) };
  });
  await quiet();
  await begin(page);
  for (let n = 0; n < WANTED.presses; n += 1) {
    await anna.writing.fill(`Said ${String(n)} with a few words to it`);
    await anna.writing.press("Enter");
    await page.waitForFunction((n) => (window.seen?.bubbles() ?? 0) > n, n, { polling: 50 });
  }
  const seen = await end(page);
  expect(seen.bubbles).toHaveLength(WANTED.presses);
  await anna.message(`Said ${String(WANTED.presses - 1)} with a few words to it`).waitFor();
  note({ what: "key press to own bubble", unit: "ms", asked: "< 50", values: seen.bubbles });
  note({ what: "a key to the next frame, of the slow ones", unit: "ms", values: seen.keys });
  note({ what: "tasks over 50 ms meanwhile", unit: "ms", values: seen.tasks });
});

test("through the longest conversation to its first line, and back", async () => {
  const { page } = anna;
  const box = await page.getByRole("article").last().boundingBox();
  if (box === null) throw new Error("no message is in view");
  await page.mouse.move(box.x + box.width / 2, Math.min(box.y, 500));
  await begin(page);
  await scroll(-TURN_PX, ({ atTop, first }) => atTop && first.startsWith("Hello, it is Ben."));
  await scroll(TURN_PX, ({ atEnd, last }) => atEnd && last.startsWith("Said "));
  const seen = await end(page);
  const lines = 2 * longest;
  screen(`scrolling past ${lines.toLocaleString("en-GB")} messages`, seen, "no task over 50 ms");
  note({ what: "their pace", unit: "lines/s", values: [(lines * 1_000) / seen.ms] });
});

test("what was missed comes while somebody looks", async () => {
  await leave();
  friends.tell("miss");
  const { missed, longest: here } = await friends.hears("missed");
  await anna.open();
  const { page } = anna;
  const listed = await marked(page, "comity:list");
  await begin(page, listed);
  await openLongest();
  await comes("what was missed", async () => {
    const far = await unread();
    const { last } = await ends();
    return { far: `${String(far)} ${last}`, there: far >= had + missed - here && last.startsWith(`${String(here)} `) };
  });
  const seen = await end(page);
  screen(`${missed.toLocaleString("en-GB")} missed messages come`, seen, "no freeze");
  note({ what: "their pace", unit: "messages/s", values: [(missed * 1_000) / seen.ms] });
});

test("nothing was complained of: no exception, no breach of the policy, no request to elsewhere", () => {
  expect(friends.complaints).toEqual([]);
});

function note(figure: Figure): void {
  figures.push(figure);
}

/** How the screen kept up. */
function screen(what: string, seen: Seen, asked?: string): void {
  const rest = asked === undefined ? {} : { asked };
  note({ what, unit: "s", values: [seen.ms / 1_000] });
  note({ what: "tasks over 50 ms meanwhile", unit: "ms", ...rest, values: seen.tasks });
  note({ what: "frames that took over 50 ms", unit: "ms", values: seen.frames });
  note({ what: "from frame to frame", unit: "ms", values: seen.gaps });
}

/** How much is unread, as the way to the chats says to who hears it. */
function unread(): Promise<number> {
  return anna.page.getByRole("navigation").evaluate((places) => {
    const said = [...places.querySelectorAll(".sr-only")].map((it) => /^([\d,]+) unread message/.exec(it.textContent)?.[1]);
    return Number((said.find((it) => it !== undefined) ?? "0").replaceAll(",", ""));
  });
}

/** Opens the longest conversation, wherever in the list it stands: by its name. */
async function openLongest(): Promise<void> {
  await anna.goTo("Chats");
  const field = anna.page.getByRole("searchbox").first();
  await field.fill("Ben");
  await anna.page.getByRole("button", { name: /^\W*Ben\b/ }).first().click();
  await anna.writing.waitFor();
  await field.fill("");
}

/** Waits without asking the page for a frame; fails when nothing comes any more. */
async function comes(what: string, look: () => Promise<{ readonly far: unknown; readonly there: boolean }>): Promise<void> {
  let [was, since] = ["", Date.now()];
  for (;;) {
    const { far, there } = await look();
    if (there) return;
    const now = String(far);
    if (now !== was) [was, since] = [now, Date.now()];
    if (Date.now() - since > STALLED_MS) throw new Error(`${what} did not come: ${now}`);
    await new Promise((done) => setTimeout(done, 500));
  }
}

/** Closes the app, when nothing is under way. */
async function leave(): Promise<void> {
  await quiet();
  had = await unread();
  await anna.page.close();
}

/** Nothing is under way any more that belongs to what was before. */
async function quiet(): Promise<void> {
  await new Promise((done) => setTimeout(done, 1_500));
}

interface Ends {
  readonly first: string;
  readonly last: string;
  readonly atTop: boolean;
  readonly atEnd: boolean;
}

/** What stands at the ends of the drawn part of the open conversation, and whether it is scrolled there. */
function ends(): Promise<Ends> {
  return anna.page.evaluate(() => {
    const all = document.querySelectorAll("article");
    const text = (at: number): string => all[at]?.querySelector("p")?.textContent ?? "";
    const middle = all[0]?.closest("[role=region]") ?? null;
    const [top, rest] = middle === null ? [0, 0] : [middle.scrollTop, middle.scrollHeight - middle.scrollTop - middle.clientHeight];
    return { first: text(0), last: text(all.length - 1), atTop: top <= 1, atEnd: rest <= 1 };
  });
}

/** Turns the wheel until what is looked for is there. */
async function scroll(turn: number, found: (ends: Ends) => boolean): Promise<void> {
  let [was, since] = ["", Date.now()];
  for (;;) {
    for (let n = 0; n < 8; n += 1) await anna.page.mouse.wheel(0, turn);
    const now = await ends();
    if (found(now)) return;
    const shown = JSON.stringify(now);
    if (shown !== was) [was, since] = [shown, Date.now()];
    if (Date.now() - since > STALLED_MS) throw new Error(`the end did not come: ${shown}`);
  }
}
