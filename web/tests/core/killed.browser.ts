/**
 * A browser that is killed at any moment, with SIGKILL to all of its processes: nothing is lost, and nothing is doubled.
 *
 * Each kill has a seed, which decides what is under way and when it ends: `COMITY_KILLS_FROM` is the first, `COMITY_KILLS`
 * how many there are. The browser is Anna's, or her second one; Benno's lives, and so does what he has.
 *
 * Always holds: after each kill both have the same lines in the same order, each of them once; everything that Anna saw as
 * hers is there and sent; what Benno said is there; files are whole, byte by byte; and both can talk. At the end all of it is
 * read once more, from the first line. Deliberately absent: what may be lost, but what nobody had seen: a message that
 * stood on no screen yet, and what was typed in the last moments.
 */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Draw } from "./draw";
import { Person } from "./person";
import { until, World } from "./world";

const FROM = Number(process.env.COMITY_KILLS_FROM ?? 0);
const KILLS = Number(process.env.COMITY_KILLS ?? 5);
const HELLO = "Hello Benno, this is the first line of many.";
const WELCOME = "Hello Anna, this is the second.";
/** How much is said in one go. */
const BURST = 6;
/** Files go at this pace, so that there is a middle to be killed in. */
const BYTES_A_SECOND = 4_000_000;
/** What was typed so long before the kill is kept: the core hears of it within two seconds, and has a moment to keep it. */
const KEPT_AFTER_MS = 5_000;
/** A draft of so few letters is thrown away, not sent: it might be another kill's beginning. */
const DRAFT_MIN = 20;
/** A browser that is not in by then was not let in before the kill, and asks once more. */
const LINKED_MS = 15_000;
const NOT_SENT = "Not sent";
const SENT: readonly string[] = ["", "Sent", "Delivered", "Read"];

let world: World;
let anna: Person;
let ben: Person;
/** What both have, from the first line on; a line that was taken back is empty. */
const settled: string[] = [HELLO, WELCOME];

beforeAll(async () => {
  world = await World.start();
  [anna, ben] = await Promise.all([Person.start(world), Person.start(world)]);
  await Promise.all([anna.signUp("202 555 0101", "Anna"), ben.signUp("202 555 0102", "Benno")]);
  await anna.askToTalk("202 555 0102", HELLO);
  await ben.openRequest("Anna", HELLO);
  await ben.accept(HELLO);
  await ben.say(WELCOME);
  await anna.message(WELCOME).waitFor();
});

afterAll(async () => {
  // Where the beginning went wrong, they need not be there.
  for (const person of [anna, ben] as (Person | undefined)[]) await person?.end();
  await (world as World | undefined)?.end();
});

/** What one kill is about. */
interface Round {
  readonly draw: Draw;
  /** A text that only this kill has. */
  readonly named: (text: string) => string;
  /** What Anna began to say, in this order. */
  readonly begun: string[];
  /** What Benno said. */
  readonly said: string[];
  /** What Anna had on her screen last, behind what was settled. */
  seen: readonly string[];
  readonly files: Map<string, Buffer>;
  /** What may stand in the place of a line: it was being changed. */
  readonly instead: Map<string, string>;
  /** When it was: with the seed, for who reads of a failure. */
  moment: string;
  /** Anna's browser is not there. */
  away: boolean;
}

/** What a kind of kill looks at beside the lines. */
interface Looks {
  /** Once Anna is back and has the conversation open. */
  readonly back?: () => Promise<void>;
  /** Once both have the same lines. */
  readonly settled?: () => Promise<void>;
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Work that is given up when its browser is killed. */
function forAsLongAsItLives(work: Promise<unknown>): Promise<unknown> {
  return work.catch(() => undefined);
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The lines behind what was settled last; undefined before that is on the screen. */
async function tail(person: Person): Promise<readonly string[] | undefined> {
  const lines = await person.lines();
  const at = lines.lastIndexOf(settled.at(-1) ?? "");
  return at < 0 ? undefined : lines.slice(at + 1);
}

/** Anna's browser is no more from `when` on; what it showed until then is noted. */
async function killed<T>(round: Round, when: () => Promise<T>): Promise<T> {
  const looks = forAsLongAsItLives((async () => {
    while (!round.away) {
      round.seen = await tail(anna) ?? round.seen;
      await pause(10);
    }
  })());
  const told = await when();
  await anna.browser.kill9();
  round.away = true;
  await looks;
  return told;
}

/** Anna says one after the other. */
async function saysAll(round: Round, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    round.begun.push(text);
    await anna.say(text);
  }
}

async function benSays(round: Round, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    round.said.push(text);
    await ben.say(text);
  }
}

function burst(round: Round): readonly string[] {
  return Array.from({ length: BURST }, (_, n) => round.named(`said ${String(n)}`));
}

function newFile(round: Round, whose: string): { readonly name: string; readonly bytes: Buffer } {
  const name = `${round.named(whose).replaceAll(/[^\da-z]+/g, "-")}.bin`;
  const bytes = randomBytes(2_000_000 + round.draw.below(4_000_000));
  round.files.set(name, bytes);
  return { name, bytes };
}

/** A moment of a file's way: before its first byte, in its middle, or right behind its last. How many bytes went. */
async function onItsWay(round: Round, way: "up" | "down", size: number): Promise<number> {
  const share = round.draw.share() * 1.2 - 0.2;
  const had = world.carried[way];
  if (share < 0) await pause(-share * 2_000);
  else await until("the file's bytes", () => world.carried[way] - had >= Math.min(1, share) * size);
  await pause(round.draw.below(60));
  const went = world.carried[way] - had;
  round.moment = `${String(went)} of ${String(size)} bytes ${way}`;
  return went;
}

/** What is under way when the browser is killed. */
const KINDS: Readonly<Record<string, (round: Round) => Promise<Looks>>> = {
  async text(round) {
    await anna.openChat("Benno");
    const texts = burst(round);
    const middle = texts[round.draw.below(BURST)] ?? "";
    const ms = round.draw.below(150);
    round.moment = `${String(ms)} ms after ${middle}`;
    const says = forAsLongAsItLives(saysAll(round, texts));
    await killed(round, async () => {
      await anna.message(middle).waitFor();
      await pause(ms);
    });
    await says;
    return {};
  },

  async upload(round) {
    await anna.openChat("Benno");
    const { name, bytes } = newFile(round, "up");
    round.begun.push(name);
    await anna.sendFile(name, bytes);
    const says = forAsLongAsItLives(saysAll(round, [round.named("beside the file")]));
    await killed(round, () => onItsWay(round, "up", bytes.length));
    await says;
    return {};
  },

  async receive(round) {
    await anna.openChat("Benno");
    const { name, bytes } = newFile(round, "down");
    const says = (async () => {
      await benSays(round, [round.named("before")]);
      round.said.push(name);
      await ben.sendFile(name, bytes);
      await benSays(round, [round.named("behind"), round.named("last")]);
    })();
    const fetches = round.draw.share() < 0.7;
    const ms = round.draw.below(2_500);
    const half = await killed(round, async () => {
      if (fetches) {
        await anna.fetches(name).click();
        const went = await onItsWay(round, "down", bytes.length);
        return went > 0 && went < bytes.length;
      }
      await pause(ms);
      round.moment = `${String(ms)} ms after it began to come`;
      return false;
    });
    await says;
    // What was on its way comes without being asked for once more.
    return half ? { back: () => anna.comes(name) } : {};
  },

  async start(round) {
    await anna.openChat("Benno");
    // What is said without a way waits in the store.
    await world.killServer();
    await saysAll(round, [round.named("waits"), round.named("waits, too")]);
    await anna.message(round.named("waits, too")).waitFor();
    await killed(round, () => pause(0));
    await world.startServer();
    const says = benSays(round, [round.named("while she is away"), round.named("and still")]);
    const moments = Array.from({ length: 1 + round.draw.below(3) }, () => round.draw.below(2_500));
    for (const ms of moments) {
      const starts = forAsLongAsItLives(anna.comesBack());
      await pause(ms);
      await anna.browser.kill9();
      await starts;
      // It may have begun only then.
      await anna.browser.kill9();
    }
    round.moment = `${moments.join(", ")} ms after it was started`;
    await says;
    return {};
  },

  async click(round) {
    await anna.openChat("Benno");
    const text = round.named("a line to be changed");
    await saysAll(round, [text]);
    await anna.got(text, "Read");
    const act = round.draw.of(["react", "edit", "take back", "answer"]);
    const ms = round.draw.below(200);
    round.moment = `${String(ms)} ms after ${act}`;
    const other = round.named("a line that was changed");
    const answer = round.named("an answer");
    if (act === "react") {
      await anna.choose(text, "React");
      await anna.page.getByRole("dialog").getByRole("button", { name: "❤️" }).first().click();
    } else if (act === "edit") {
      round.instead.set(text, other);
      await anna.choose(text, "Edit");
      await anna.say(other);
    } else if (act === "take back") {
      round.instead.set(text, "");
      await anna.choose(text, "Delete for everyone");
      await anna.page.getByRole("status", { name: "Notifications" }).getByRole("button", { name: "Close" }).click();
    } else {
      await anna.choose(text, "Reply");
      await saysAll(round, [answer]);
    }
    await killed(round, () => pause(ms));
    const hearts = (person: Person): Promise<number> => person.message(text).getByRole("button", { name: /^❤️, 1 person/ }).count();
    return {
      settled: async () => {
        await until("the same reactions", async () => (await hearts(anna)) === (await hearts(ben)));
        for (const person of [anna, ben]) {
          const answers = person.message(answer);
          expect(await answers.getByRole("button", { name: /In answer to/ }).getByText(text).count()).toBe(await answers.count());
        }
      },
    };
  },

  async draft(round) {
    await anna.openChat("Benno");
    const text = `${round.named("a draft")}, ${"which gets longer and longer. ".repeat(20)}`;
    world.secrets.add(text.slice(0, 40));
    const typed: number[] = [];
    const pace = 15 + round.draw.below(60);
    const ms = round.draw.below(9_000);
    round.moment = `${String(ms)} ms into typing, a key each ${String(pace)} ms`;
    const types = forAsLongAsItLives((async () => {
      for (const letter of text) {
        await anna.writing.press(letter === " " ? "Space" : letter);
        typed.push(Date.now());
        await pause(pace);
      }
    })());
    await killed(round, () => pause(ms));
    const kept = typed.filter((at) => at < Date.now() - KEPT_AFTER_MS).length;
    await types;
    return {
      back: async () => {
        const draft = await anna.writing.inputValue();
        expect(text.startsWith(draft), draft).toBe(true);
        expect(draft.length).toBeGreaterThanOrEqual(kept);
        round.moment += `: ${String(draft.length)} of ${String(typed.length)} letters are there`;
        if (draft.length < DRAFT_MIN) await anna.writing.fill("");
        else {
          await saysAll(round, [draft.trim()]);
          // She is not killed any more: it is there before what both have is looked at.
          await anna.message(draft.trim()).waitFor();
        }
      },
    };
  },

  async group(round) {
    const group = `Circle ${String(round.draw.below(1_000_000))}`;
    const own = round.draw.share() < 0.5;
    const ms = round.draw.below(own ? 1_200 : 4_000);
    round.moment = `${String(ms)} ms after ${own ? "she" : "he"} began to make a group`;
    const inside = [round.named("inside"), round.named("inside, too")];
    if (own) {
      await anna.beginGroup(group, ["Benno"]);
      await killed(round, () => pause(ms));
    } else {
      const makes = (async () => {
        await ben.makeGroup(group, ["Anna"]);
        for (const text of inside) await ben.say(text);
      })();
      await killed(round, () => pause(ms));
      await makes;
    }
    return {
      settled: async () => {
        const there = await anna.row(group).count();
        round.moment += there === 0 ? ", which is not there" : "";
        if (own && there === 0) {
          // What Anna said after that has come to Benno: the group is not on its way.
          expect(await ben.row(group).count()).toBe(0);
          return;
        }
        await anna.openChat(group);
        await ben.openChat(group);
        if (!own) await anna.reads(inside);
        const [hers, his] = [round.named("her word inside"), round.named("his word inside")];
        await anna.say(hers);
        await ben.message(hers).waitFor();
        await ben.say(his);
        for (const person of [anna, ben]) {
          await person.reads([...(own ? [] : inside), hers, his]);
          expect(await person.row(group).count()).toBe(1);
          await person.openChat(person === anna ? "Benno" : "Anna");
        }
      },
    };
  },

  async history(round) {
    const desk = await Person.start(world);
    const code = await desk.linkCode();
    await anna.letIn(code);
    const first = round.draw.share() < 0.3;
    const ms = round.draw.below(4_000);
    round.moment = `${String(ms)} ms after ${first ? "she let a second browser in" : "it was let in"}`;
    if (first) await killed(round, () => pause(ms));
    else {
      await pause(ms);
      await desk.browser.kill9();
      await desk.comesBack();
    }
    return {
      settled: async () => {
        const chats = desk.page.getByRole("heading", { name: "Chats" });
        const isIn = await chats.waitFor({ timeout: LINKED_MS }).then(() => true, () => false);
        if (!isIn) {
          round.moment += ", once more";
          await anna.letIn(first ? code : await desk.linkCode());
          await chats.waitFor();
        }
        await anna.openChat("Benno");
        const lines = await anna.lines();
        await desk.row("Benno").waitFor();
        await desk.openChat("Benno");
        await until("the history on the other browser", async () => same(await desk.lines(), lines)).catch(async (error: unknown) => {
          throw new Error(`it has ${JSON.stringify(await desk.lines())} of ${JSON.stringify(lines)}`, { cause: error });
        });
        await desk.end();
        await anna.takeOut();
        await anna.openChat("Benno");
      },
    };
  },

  async both(round) {
    await anna.openChat("Benno");
    const [hers, his] = [newFile(round, "hers"), newFile(round, "his")];
    round.begun.push(hers.name);
    await anna.sendFile(hers.name, hers.bytes);
    const says = forAsLongAsItLives(saysAll(round, burst(round)));
    const answers = (async () => {
      await benSays(round, [round.named("an answer")]);
      round.said.push(his.name);
      await ben.sendFile(his.name, his.bytes);
      await benSays(round, [round.named("another one")]);
    })();
    await killed(round, () => onItsWay(round, "up", hers.bytes.length));
    await says;
    await answers;
    return {};
  },
};

/** Brings Anna back, and holds that nothing was lost or doubled; what both have then is settled. */
async function settles(round: Round, { back, settled: look }: Looks): Promise<void> {
  world.paces();
  const came = round.away;
  if (came) await anna.comesBack();
  await anna.openChat("Benno");
  await ben.openChat("Anna");
  await back?.();
  const again = anna.button(/^(Try again|Send again)$/);
  await until("all that Anna said to be sent", async () => {
    const lines = await anna.messages();
    if (await again.count() > 0) {
      // Only a file may have come to an end on its way; trying again works.
      expect(lines.filter(({ tick, file }) => file === "" && tick === NOT_SENT)).toEqual([]);
      round.moment += ", tried again";
      await again.first().click();
      return false;
    }
    return lines.length > 0 && lines.every(({ tick }) => SENT.includes(tick));
  });
  let had: readonly (readonly string[] | undefined)[] = [];
  await until("the same lines on both sides", async () => {
    had = await Promise.all([tail(anna), tail(ben)]);
    return had[0] !== undefined && same(had[0], had[1]) && round.said.every((text) => had[0]?.includes(text));
  }).catch((error: unknown) => {
    throw new Error(`Anna has ${JSON.stringify(had[0])}, Benno has ${JSON.stringify(had[1])}, who said ${JSON.stringify(round.said)}`, { cause: error });
  });
  const lines = had[0] ?? [];
  // Each once, and nothing that nobody said.
  const there = lines.filter((line) => line !== "");
  expect(new Set(there).size).toBe(there.length);
  const known = new Set([...round.begun, ...round.said, ...round.instead.values()]);
  expect(lines.filter((line) => !known.has(line))).toEqual([]);
  // What Anna saw is there, or what she was putting in its place.
  const lost = round.seen.filter((line) => line !== "" && !lines.includes(line) && !lines.includes(round.instead.get(line) ?? line));
  expect(lost).toEqual([]);
  // What she said stands in the order in which she said it, and no later word is there without an earlier one.
  const texts = round.begun.filter((text) => !round.files.has(text) && !round.instead.has(text));
  const hers = lines.filter((line) => texts.includes(line));
  expect(hers).toEqual(texts.slice(0, hers.length));
  for (const [name, bytes] of round.files) {
    if (!lines.includes(name)) continue;
    for (const person of [anna, ben]) expect(digest(await person.saveFile(name)), name).toBe(digest(bytes));
  }
  // What was sent is no draft any more; what was not is one, at most.
  const draft = await anna.writing.inputValue();
  expect(draft === "" || (round.begun.includes(draft) && !lines.includes(draft)), draft).toBe(true);
  await look?.();
  // Nothing went wrong that Anna would be told of.
  if (came) expect(await anna.page.getByRole("status", { name: "Notifications" }).innerText()).toBe("");
  // Both hear each other.
  const [word, answer] = [round.named("do you hear me?"), round.named("I do.")];
  await anna.say(word);
  await ben.message(word).waitFor();
  await ben.say(answer);
  await anna.message(answer).waitFor();
  settled.push(...lines, word, answer);
}

for (let seed = FROM; seed < FROM + KILLS; seed += 1) {
  const kind = Object.keys(KINDS)[seed % Object.keys(KINDS).length] ?? "";
  test(`kill ${String(seed)}: ${kind}`, async () => {
    const round: Round = { draw: new Draw(seed), named: (text) => `kill ${String(seed)}: ${text}`, begun: [], said: [], seen: [], files: new Map(), instead: new Map(), moment: "", away: false };
    world.paces(BYTES_A_SECOND);
    try {
      await settles(round, await KINDS[kind]?.(round) ?? {});
    } finally {
      console.info(`kill ${String(seed)}, ${kind}: ${round.moment}`);
    }
  });
}

test("read once more from the first line, both have the same, and all that was said", async () => {
  for (const [person, other] of [[anna, "Benno"], [ben, "Anna"]] as const) {
    await person.openChat(other);
    expect(await person.whole(HELLO)).toEqual(settled);
  }
});

test("nothing was complained of (no exception, no breach of the policy, no request to elsewhere), and nothing written down", async () => {
  expect(await world.wrongs()).toEqual([]);
});
