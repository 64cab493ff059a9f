/**
 * What people are used to, in a real browser, over the samples of the stage page: one stop a list, Escape, and a
 * window whose width changes. Needs `npm run build`.
 */
import type { Server } from "node:http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../server";
import { menuOf, SCREENS, visitScreen } from "./screens";
import { launch, type View } from "./visit";

const WIDE: View = { width: 1024, height: 768, theme: "light", language: "en" };
/** The same tablet, turned. */
const NARROW: View = { ...WIDE, width: 768, height: 1024 };

let browser: Browser;
let server: Server;
let address: string;

beforeAll(async () => {
  ({ server, address } = await serve());
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  server.close();
});

const at = (name: string, view: View = WIDE, steps = true) => {
  const { steps: all, ...found } = SCREENS.find((it) => it.name === name) ?? { name: "", steps: undefined };
  if (found.name === "") throw new Error(`there is no screen ${name}`);
  return visitScreen(browser, address, view, steps && all !== undefined ? { ...found, steps: all } : found);
};
const turn = async (page: Page, { width, height }: View): Promise<void> => {
  await page.setViewportSize({ width, height });
  await page.waitForTimeout(300);
};
/** Where the focus is: its name, and the line it stands in. */
const focused = (page: Page): Promise<{ name: string; line: string | null; tag: string }> => page.evaluate(() => {
  const it = document.activeElement;
  return { name: it?.getAttribute("aria-label") ?? it?.textContent.trim() ?? "", line: it?.closest("[data-line]")?.getAttribute("data-line") ?? null, tag: it?.tagName ?? "" };
});
/** The names of the boxes that Tab passes from here, until it comes to something else; a switch is something else. */
async function boxesPassed(page: Page): Promise<readonly string[]> {
  const passed: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    await page.keyboard.press("Tab");
    if (!await page.evaluate(() => document.activeElement instanceof HTMLInputElement && document.activeElement.type === "checkbox" && document.activeElement.role !== "switch")) break;
    passed.push((await focused(page)).name);
  }
  return passed;
}

describe("people to choose from", () => {
  it("are one stop, walked by arrows, and ticked by the space bar or Enter", async () => {
    const { context, page } = await at("new-group");
    const people = page.getByRole("list", { name: "People" });
    const names = await people.getByRole("checkbox").evaluateAll((all) => all.map((it) => it.getAttribute("aria-label") ?? ""));
    expect(names.length).toBeGreaterThan(2);
    await page.getByRole("searchbox", { name: "Search people" }).last().focus();
    await page.keyboard.press("Tab");
    expect((await focused(page)).name).toBe(names[0]);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    expect((await focused(page)).name).toBe(names.at(-1));
    expect(await people.getByRole("checkbox", { checked: true }).evaluateAll((all) => all.map((it) => it.getAttribute("aria-label")))).toEqual([names[1], names.at(-1)]);
    // Enter ticks, and sends no form: nothing is missed in it yet.
    expect(await page.getByText("A group needs a name").count()).toBe(0);
    await page.keyboard.press("Home");
    expect((await focused(page)).name).toBe(names[0]);
    await page.keyboard.press("ArrowDown");
    // Out of it by one Tab, and back to where one was.
    await page.keyboard.press("Shift+Tab");
    expect(await boxesPassed(page)).toEqual([names[1]]);
    await context.close();
  });

  it("are looked for without sending the form", async () => {
    const { context, page } = await at("new-group");
    await page.getByRole("searchbox", { name: "Search people" }).last().fill("a");
    await page.keyboard.press("Enter");
    expect(await page.getByText("A group needs a name").count()).toBe(0);
    await page.keyboard.press("Escape");
    expect(await page.getByRole("searchbox", { name: "Search people" }).last().inputValue()).toBe("");
    await context.close();
  });
});

describe("Escape", () => {
  const selects = /selected$/;

  it("leaves the selecting, and the focus is where it began", async () => {
    const { context, page } = await at("chat-group", WIDE, false);
    await page.locator("[data-line] button[aria-haspopup=menu]").last().focus();
    const from = await focused(page);
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Select" }).waitFor();
    // The menu goes first: nothing is selected by it.
    await page.keyboard.press("Escape");
    expect(await focused(page)).toEqual(from);
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Select" }).press("Enter");
    await page.getByRole("heading", { name: selects }).waitFor();
    expect((await focused(page)).line).toBe(from.line);
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Space");
    await page.getByRole("heading", { name: "2 selected" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { name: selects }).waitFor({ state: "detached" });
    expect(await focused(page)).toEqual(from);
    await context.close();
  });

  it("gives the focus back as well when the selecting ends by a button, or by a dialog behind it", async () => {
    const { context, page } = await at("chat-group", WIDE, false);
    await page.locator("[data-line] button[aria-haspopup=menu]").last().focus();
    const from = await focused(page);
    const select = async (): Promise<void> => {
      await page.keyboard.press("Enter");
      await page.getByRole("menuitem", { name: "Select" }).press("Enter");
      await page.getByRole("heading", { name: selects }).waitFor();
    };
    await select();
    await page.getByRole("button", { name: "Cancel" }).press("Enter");
    expect(await focused(page)).toEqual(from);
    await select();
    await page.getByRole("button", { name: "Forward" }).press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await focused(page)).toEqual(from);
    await context.close();
  });

  it("leaves one thing at a time: where the focus is, then what was begun last", async () => {
    const { context, page } = await at("chat-group", WIDE, false);
    await page.getByRole("button", { name: "Search in this conversation" }).press("Enter");
    await menuOf(1, 0)(page);
    await page.getByText("Answering").waitFor();
    await page.locator("[data-line] button[aria-haspopup=menu]").last().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Select" }).press("Enter");
    const modes = async (): Promise<readonly boolean[]> => [
      await page.getByRole("heading", { name: selects }).count() > 0, await page.getByText("Answering").count() > 0, await page.locator("search").count() > 0,
    ];
    expect(await modes()).toEqual([true, true, true]);
    await page.locator("textarea").focus();
    await page.keyboard.press("Escape");
    expect(await modes()).toEqual([true, false, true]);
    expect((await focused(page)).tag).toBe("TEXTAREA");
    await page.keyboard.press("Escape");
    expect(await modes()).toEqual([false, false, true]);
    // A press in the list beside it is not for the conversation.
    await page.getByRole("searchbox", { name: "Search people and messages" }).focus();
    await page.keyboard.press("Escape");
    expect(await modes()).toEqual([false, false, true]);
    await page.locator("search input").focus();
    await page.keyboard.press("Escape");
    expect(await modes()).toEqual([false, false, false]);
    expect((await focused(page)).name).toBe("Search in this conversation");
    await context.close();
  });

  it("leaves the change of a message, and what was being written is there again", async () => {
    const { context, page } = await at("chat-group", WIDE, false);
    await page.locator("textarea").fill("Not yet sai");
    const own = page.getByRole("article").filter({ hasText: "Rehearsal at six?" });
    await own.hover();
    await own.getByRole("button", { name: /More about/ }).click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    await page.waitForFunction(() => document.querySelector("textarea")?.value.startsWith("Rehearsal") === true);
    // Also from where one reads.
    await page.locator("[data-line]").last().focus();
    await page.keyboard.press("Escape");
    expect(await page.locator("textarea").inputValue()).toBe("Not yet sai");
    expect((await focused(page)).line).not.toBeNull();
    await context.close();
  });

  it("leads from what a search over all conversations found back to the field", async () => {
    const { context, page } = await at("home-search");
    await page.locator("button:has(mark)").first().focus();
    await page.keyboard.press("Escape");
    await page.locator("mark").first().waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement instanceof HTMLInputElement && document.activeElement.value)).toBe("");
    await context.close();
  });
});

describe("a window that becomes narrow, and wide again", () => {
  it("keeps what is selected, and an open dialog with what was chosen in it", async () => {
    const { context, page } = await at("chat-select");
    await page.getByRole("heading", { name: "1 selected" }).waitFor();
    await turn(page, NARROW);
    await page.getByRole("heading", { name: "1 selected" }).waitFor();
    await page.getByRole("checkbox", { checked: true }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    await turn(page, WIDE);
    await page.getByRole("heading", { name: "2 selected" }).waitFor();
    await page.keyboard.press("Escape");
    await page.evaluate(() => { location.hash = "#c/1"; });
    await page.getByRole("article").filter({ hasText: "Rehearsal at six?" }).waitFor();
    await page.locator("[data-line] button[aria-haspopup=menu]").last().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Forward" }).press("Enter");
    await page.getByRole("dialog").getByRole("checkbox").nth(1).check({ force: true });
    for (const view of [NARROW, WIDE]) {
      await turn(page, view);
      expect(await page.getByRole("dialog").getByRole("checkbox", { checked: true }).count()).toBe(1);
    }
    await context.close();
  });

  it("keeps a dialog that a row of the list opened, though the list goes out of view", async () => {
    const { context, page } = await at("chat-group", WIDE, false);
    const row = page.locator("main li:has(button[aria-haspopup=menu])").nth(1);
    await row.click({ button: "right" });
    await page.getByRole("menuitem", { name: "Mute" }).click();
    await page.getByRole("dialog").waitFor();
    await turn(page, NARROW);
    await page.getByRole("dialog").getByRole("button").nth(1).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await row.isVisible()).toBe(false);
    await context.close();
  });

  it("keeps a page with what was filled in, and the place in the list", async () => {
    const { context, page } = await at("new-group");
    await page.getByRole("textbox", { name: "Name of the group" }).fill("Walkers");
    await page.getByRole("list", { name: "People" }).last().getByRole("checkbox").nth(1).check({ force: true });
    await turn(page, NARROW);
    expect(await page.getByRole("textbox", { name: "Name of the group" }).inputValue()).toBe("Walkers");
    expect(await page.getByRole("checkbox", { checked: true }).count()).toBeGreaterThan(0);
    await context.close();
    const list = await at("home", NARROW);
    const scrolled = (): Promise<number> => list.page.evaluate(() => document.querySelector("main ul > li")?.closest("[role=region]")?.scrollTop ?? -1);
    await list.page.setViewportSize({ width: 768, height: 400 });
    await list.page.evaluate(() => { document.querySelector("main ul > li")?.closest("[role=region]")?.scrollBy(0, 160); });
    const from = await scrolled();
    expect(from).toBeGreaterThan(100);
    await list.page.setViewportSize({ width: 1024, height: 400 });
    await list.page.setViewportSize({ width: 768, height: 400 });
    expect(await scrolled()).toBe(from);
    // Also while a conversation is open over it.
    await list.page.evaluate(() => { location.hash = "#c/2"; });
    await list.page.locator("[data-line]").first().waitFor();
    expect(await list.page.locator("main ul > li").first().isVisible()).toBe(false);
    await list.page.goBack();
    await list.page.locator("[data-line]").first().waitFor({ state: "detached" });
    expect(await scrolled()).toBe(from);
    await list.context.close();
  });

  it("puts the focus on the title of what stays, when it was in the list that goes out of view", async () => {
    const { context, page } = await at("chat-group", WIDE, false);
    await page.locator("main ul > li button").first().focus();
    await turn(page, NARROW);
    expect(await focused(page)).toMatchObject({ tag: "H2" });
    await context.close();
  });
});

describe("each step of the start", () => {
  it("has the focus where one writes, and its title where nothing is written", async () => {
    for (const [step, name] of [["start-number", "Phone number"], ["start-name", "Your name"], ["start-recover", "The words, with spaces between them"]] as const) {
      const { context, page } = await at(step);
      expect(await page.getByLabel(name, { exact: true }).evaluate((it) => it === document.activeElement), step).toBe(true);
      await context.close();
    }
    const { context, page } = await at("start-has-account");
    expect(await focused(page)).toMatchObject({ tag: "H1" });
    await context.close();
  });
});

describe("the language", () => {
  const spoken = (page: Page) => page.evaluate(() => ({ lang: document.documentElement.lang, dir: document.documentElement.dir }));
  const HERE = { en: { lang: "en", dir: "ltr" }, ar: { lang: "ar", dir: "rtl" } };

  it("is another at once, with all that stands there, and the first one again", async () => {
    const { context, page } = await at("settings-look");
    const words = page.waitForResponse((answer) => /\/ar-[^/]+\.js$/.test(answer.url()));
    await page.getByRole("radio", { name: "العربية" }).check();
    expect((await words).ok()).toBe(true);
    await page.getByRole("heading", { name: "المظهر" }).last().waitFor();
    await expect.poll(() => spoken(page)).toEqual(HERE.ar);
    // What one chose has the focus still, and says it in its own words.
    expect((await focused(page)).tag).toBe("INPUT");
    expect(await page.getByRole("radio", { name: "العربية" }).isChecked()).toBe(true);
    await page.getByRole("radio", { name: "English" }).check();
    await expect.poll(() => spoken(page)).toEqual(HERE.en);
    await context.close();
  });

  it("stays what it was where the other's words can not be had, and the page says nothing it has no words for", async () => {
    const { context, page } = await at("settings-look");
    await page.route(/\/ar-[^/]+\.js$/, (route) => route.abort());
    const failed = page.waitForEvent("requestfailed");
    await page.getByRole("radio", { name: "العربية" }).check();
    await failed;
    expect(await spoken(page)).toEqual(HERE.en);
    expect(await page.getByRole("group", { name: "Language" }).count() + await page.getByRole("radiogroup", { name: "Language" }).count()).toBe(1);
    await context.close();
  });
});
