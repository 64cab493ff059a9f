/**
 * The app by its screens: people who click, each in a browser of their own, against a real server.
 *
 * One story, in order: each part goes on where the one before it ended. The pages are those that the
 * server's program carries: it needs `cargo xtask web`, and `cargo build` after it; `COMITY_SHOTS` names a folder for
 * pictures of what was passed. That a browser may end at any moment, `killed.browser.ts` has.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { picture } from "./app";
import { Person } from "./person";
import { until, World } from "./world";

const ANNA = "202 555 0101";
const BEN = "202 555 0102";
const ANNA_WHOLE = "+12025550101";
const CARA = "+12025550103";
const DORA = "202 555 0104";
/** More than goes into one part of a history. */
const VERSES = 510;
const HELLO = "Hello Benno, it is Anna from the choir.";

/** The link itself, as the terminal takes it. */
const linkIn = (address: string): string => `comity:group/${address.split("#join/")[1] ?? ""}`;

let world: World;
let anna: Person;
let ben: Person;
/** Anna's second browser. */
let desk: Person;
/** Who comes by an invitation. */
let dora: Person;

beforeAll(async () => {
  world = await World.start();
  [anna, ben, desk, dora] = await Promise.all([Person.start(world), Person.start(world), Person.start(world), Person.start(world)]);
});

afterAll(async () => {
  await Promise.all([anna, ben, desk, dora].map((person) => person.end()));
  await world.end();
});

test("two people sign up, and one of them keeps the recovery words", async () => {
  await anna.look("start");
  await Promise.all([anna.signUp(ANNA, "Anna"), ben.signUp(BEN, "Benno")]);
  await anna.page.getByRole("heading", { name: "Say the first word" }).waitFor();
  await anna.look("home-empty");
  const words = await anna.takeRecoveryWords();
  expect(words).toHaveLength(12);
  expect(new Set(words.map((word) => /^[a-z]+$/.test(word)))).toEqual(new Set([true]));
  await ben.page.getByText("Twelve words bring your account back").waitFor();
  expect(await anna.page.getByText("Twelve words bring your account back").count()).toBe(0);
});

test("a stranger's first words are a request; accepted, both talk, and the ticks tell how far it got", async () => {
  await anna.askToTalk(BEN, HELLO);
  await anna.look("asking");
  await ben.openRequest("Anna", HELLO);
  await ben.look("request");
  await ben.accept(HELLO);
  await ben.say("Anna! Did you find the score?");
  await anna.message("Anna! Did you find the score?").waitFor();
  await anna.got(HELLO, "Read");
  await ben.goTo("Settings");
  await anna.say("Here it is.");
  await anna.got("Here it is.", "Delivered");
  await ben.goTo("Chats");
  await ben.row("Anna").getByText("Here it is.").waitFor();
  await ben.openChat("Anna");
  await anna.got("Here it is.", "Read");
});

test("who types is seen; a reaction, an answer, an edit and a deletion arrive", async () => {
  await ben.writing.pressSequentially("Thank");
  await anna.page.getByRole("status").getByText("typing…").waitFor();
  await ben.say("Thank you");
  await anna.choose("Thank you", "React");
  await anna.page.getByRole("dialog").getByRole("button", { name: "❤️" }).first().click();
  await ben.message("Thank you").getByRole("button", { name: "❤️, 1 person" }).waitFor();
  await ben.choose("Here it is.", "Reply");
  await ben.say("All of it?");
  await anna.message("All of it?").getByRole("button", { name: /In answer to/ }).getByText("Here it is.").waitFor();
  await anna.say("Rehearsal at six?");
  await ben.message("Rehearsal at six?").waitFor();
  await anna.choose("Rehearsal at six?", "Edit");
  await anna.say("Rehearsal at seven?");
  await ben.message("Rehearsal at seven?").getByText("edited").waitFor();
  await anna.say("Never mind");
  await ben.message("Never mind").waitFor();
  await anna.choose("Never mind", "Delete for everyone");
  await anna.page.getByRole("status", { name: "Notifications" }).getByRole("button", { name: "Close" }).click();
  await ben.page.getByRole("article").getByText(/Anna.* deleted this message/).waitFor();
  await anna.look("chat");
  await ben.look("chat-other");
});

test("a reload of both keeps all of it, in order", async () => {
  const texts = [HELLO, "Anna! Did you find the score?", "Here it is.", "Thank you", "All of it?", "Rehearsal at seven?", ""];
  for (const person of [anna, ben]) {
    await person.reads(texts);
    await person.page.reload();
    await person.reads(texts);
    await person.message("Thank you").getByRole("button", { name: /❤️, 1 person/ }).waitFor();
  }
  await ben.say("Seven it is.");
  await anna.message("Seven it is.").waitFor();
});

test("a second browser is linked by its long code, and gets the history", async () => {
  await world.signUp("cara", CARA, "Cara");
  await world.terminal("cara", "send", ANNA_WHOLE, "Cara here, with all the verses.");
  await anna.openRequest("Cara", "Cara here, with all the verses.");
  await anna.accept("Cara here, with all the verses.");
  await anna.goTo("Settings");
  await world.types("cara", [`/to ${ANNA_WHOLE}`, ...Array.from({ length: VERSES }, (_, n) => `verse ${String(n + 1)}`)]);
  await anna.goTo("Chats");
  await anna.row("Cara").getByText(`verse ${String(VERSES)}`).waitFor();
  const code = await desk.linkCode();
  await desk.look("link");
  const release = world.holdFiles();
  await anna.letIn(code);
  await anna.page.getByText(/is in. Your history goes there now./).waitFor();
  await anna.look("approved");
  await desk.page.getByText("Your history is arriving: part 1 of 2.").waitFor();
  await desk.look("arriving");
  release();
  await desk.page.getByText("Your history is arriving").waitFor({ state: "detached" });
  await desk.openChat("Benno");
  await anna.openChat("Benno");
  await desk.reads(await anna.texts());
  await desk.message("Thank you").getByRole("button", { name: /❤️, 1 person/ }).waitFor();
  await desk.look("linked");
});

test("what is said after is on both of one's browsers", async () => {
  await ben.say("Shall I bring the tenors?");
  await Promise.all([anna, desk].map((person) => person.message("Shall I bring the tenors?").waitFor()));
  await desk.say("Please do.");
  await Promise.all([anna, ben].map((person) => person.message("Please do.").waitFor()));
  await desk.got("Please do.", "Read");
  await anna.say("All of them.");
  await Promise.all([desk, ben].map((person) => person.message("All of them.").waitFor()));
  await desk.reads(await anna.texts());
  await ben.reads(await anna.texts());
});

test("what is pinned, muted and put away on one of one's browsers is so on the other", async () => {
  await anna.keep("Benno", "Pin on top");
  await desk.row("Benno").getByRole("img", { name: "Pinned" }).waitFor();
  await anna.keep("Benno", "Mute");
  await anna.page.getByRole("dialog", { name: "Mute for how long?" }).getByRole("button", { name: "Always" }).click();
  await desk.row("Benno").getByRole("img", { name: "Muted" }).waitFor();
  await anna.keep("Benno", "Move to archive");
  await desk.row("Benno").waitFor({ state: "detached" });
  await desk.button(/^Archive/).waitFor();
  await anna.press("Undo");
  await desk.row("Benno").getByRole("img", { name: "Pinned" }).waitFor();
  await desk.look("kept");
  await desk.keep("Benno", "Unmute");
  await anna.row("Benno").getByRole("img", { name: "Muted" }).waitFor({ state: "detached" });
});

test("a draft outlives a reload with what it answers, and goes when it is sent", async () => {
  await ben.choose("All of them.", "Reply");
  await ben.writing.fill("Half a thought");
  await ben.goTo("Settings");
  await ben.goTo("Chats");
  await ben.row("Anna").getByText("Half a thought").waitFor();
  await ben.page.reload();
  await ben.row("Anna").getByText("Half a thought").waitFor();
  await ben.openChat("Anna");
  await ben.page.getByText("Answering").waitFor();
  expect(await ben.writing.inputValue()).toBe("Half a thought");
  await ben.writing.press("Enter");
  await anna.message("Half a thought").getByRole("button", { name: /In answer to .*You/ }).getByText("All of them.").waitFor();
  await ben.page.reload();
  await ben.openChat("Anna");
  expect(await ben.writing.inputValue()).toBe("");
  expect(await ben.page.getByText("Answering").count()).toBe(0);
});

test("a file is stopped on its way, and sent after all", async () => {
  const score = randomBytes(300_000);
  await world.killServer();
  await anna.sendFile("score.bin", score);
  await anna.press("Stop");
  await anna.page.getByText("Stopped. It was not sent.").waitFor();
  await anna.look("stopped");
  await world.startServer();
  await anna.press("Send again");
  await ben.page.getByRole("article").getByText("score.bin").waitFor();
  expect(await anna.page.getByText("Stopped. It was not sent.").count()).toBe(0);
  // It comes to who went elsewhere meanwhile.
  world.paces(300_000);
  const had = world.carried.down;
  await ben.fetches("score.bin").click();
  await ben.goTo("Settings");
  await until("all of the file", () => world.carried.down - had >= score.length);
  world.paces();
  await ben.goTo("Chats");
  await ben.openChat("Anna");
  await ben.comes("score.bin");
  expect((await ben.saveFile("score.bin")).equals(score)).toBe(true);
});

test("a group: a picture arrives as it was sent, a link lets somebody in, and it is told who read", async () => {
  await anna.makeGroup("Choir", ["Benno"]);
  await ben.openChat("Choir");
  const sky = picture(640, 360);
  await anna.sendPicture("sky.png", sky, "The sky tonight");
  expect((await ben.savePicture("sky.png", "The sky tonight", 640)).equals(sky)).toBe(true);
  await ben.look("group");
  await world.terminal("cara", "group-join", linkIn(await anna.invitation("Choir")));
  await anna.openChat("Choir");
  await anna.button(/Choir.*3 members/).waitFor();
  await anna.say("Who reads this?");
  await ben.message("Who reads this?").waitFor();
  // The group has its name once a member who knows it told it.
  await until("the message at Cara's", async () => (await world.terminal("cara", "read", "Choir").catch(() => [])).some((line) => line.text === "Who reads this?"));
  await anna.got("Who reads this?", "Read");
  await anna.choose("Who reads this?", "Details");
  const details = anna.page.getByRole("dialog", { name: "Details" });
  for (const name of ["Read by", "Benno", "Cara"]) await details.getByText(name, { exact: true }).waitFor();
  await anna.look("info");
  await details.getByRole("button", { name: "Close" }).click();
});

test("an invitation opened in a browser: who is new signs up first; one that was taken back says so, another lets them in", async () => {
  await anna.openChat("Choir");
  const over = await anna.invitation("Choir");
  const good = await anna.anotherInvitation();
  await dora.comesTo(over);
  await dora.page.getByText("You are invited to a group.").waitFor();
  await dora.look("start-invited");
  await dora.page.reload();
  await dora.page.getByText("You are invited to a group.").waitFor();
  await dora.signUp(DORA, "Dora");
  await dora.page.getByRole("heading", { name: "You are invited to a group" }).waitFor();
  await dora.look("invited");
  await dora.press("Join");
  await dora.page.getByRole("alert").getByText("This link no longer holds").waitFor();
  await dora.look("invitation-over");
  await dora.comesTo(good);
  await dora.press("Join");
  await dora.button(/Choir.*4 members/).waitFor();
  // The link, by which anybody comes in, does not stay in the address.
  expect(new URL(dora.page.url()).hash).toMatch(/^#c\/\d+$/);
  await dora.say("Good evening, all of you.");
  await ben.openChat("Choir");
  await ben.message("Good evening, all of you.").waitFor();
  await anna.openChat("Benno");
  await anna.say(good);
  await ben.openChat("Anna");
  await ben.message(good).getByRole("link").click();
  await ben.page.getByText(/Anna.* sent you this link/).waitFor();
  await ben.page.getByText("You are in this group already.").waitFor();
  await ben.page.getByRole("heading", { name: "Choir" }).waitFor();
  await ben.look("invited-known");
  await ben.press("Open the conversation");
  await ben.message("Good evening, all of you.").waitFor();
  for (const address of [over, good]) expect(world.asked.filter((it) => it.includes(address.split("#join/")[1] ?? "none"))).toEqual([]);
  expect(world.asked.length).toBeGreaterThan(0);
});

test("nothing was complained of (no exception, no breach of the policy, no request to elsewhere), and nothing written down", async () => {
  expect(await world.wrongs()).toEqual([]);
});
