/**
 * The app's screens, over the invented samples of the stage page: where each is, and how one comes to it.
 *
 * Always holds: every screen of the app is here, so that every check and every picture has it.
 */
import type { Browser, Page } from "playwright-core";
import { open, type View, type Visit } from "./visit";

export interface ScreenOf {
  readonly name: string;
  readonly scene?: string;
  /** More of the address's search, as `&code=…`. */
  readonly search?: string;
  readonly hash?: string;
  /** What is there when it is there. */
  readonly ready?: string;
  readonly steps?: (page: Page) => Promise<void>;
  /** Rules that are not held here, with the reason beside them. */
  readonly without?: readonly string[];
}

const ANA = "a1b2e2c300000001@talk.example";
/** Links of the invented world, as they stand in addresses: to where one is not yet, to a group that one is in, and one that was taken back. */
export const GOOD_LINK = "9Kd2_wQx".repeat(10);
const CHOIR_LINK = "7Jc9-hTn".repeat(10);
const OVER_LINK = "4vBs6HjL".repeat(10);
const press = (selector: string) => async (page: Page): Promise<void> => { await page.locator(selector).first().click(); };

async function toCode(page: Page): Promise<void> {
  await page.locator("main button").first().click();
  await page.locator("input[type=tel]").fill("30 5550142");
  await page.locator("button[type=submit]").click();
  await page.locator("input[autocomplete=one-time-code]").waitFor();
}

const withCode = (code: string) => async (page: Page): Promise<void> => {
  await toCode(page);
  await page.locator("input[autocomplete=one-time-code]").focus();
  await page.keyboard.insertText(code);
  await page.locator("button[type=submit]").click();
  await page.locator("input[autocomplete=name]").waitFor();
};

async function toHasAccount(page: Page): Promise<void> {
  await withCode("111111")(page);
  await page.locator("input[autocomplete=name]").fill("Noor");
  await page.locator("button[type=submit]").click();
  await page.locator("input[autocomplete=name]").waitFor({ state: "detached" });
}

export const menuOf = (line: number, item: number) => async (page: Page): Promise<void> => {
  const bubble = page.locator("[data-line] article").nth(line);
  await bubble.scrollIntoViewIfNeeded();
  await bubble.hover();
  await bubble.locator("button[aria-haspopup=menu]").click();
  await page.locator("[role=menuitem]").nth(item).click();
};

export const SCREENS: readonly ScreenOf[] = [
  { name: "start-welcome", scene: "fresh" },
  { name: "start-number", scene: "fresh", steps: press("main button") },
  { name: "start-code", scene: "fresh", steps: toCode },
  { name: "start-name", scene: "fresh", steps: withCode("123456") },
  { name: "start-code-wrong", scene: "fresh", steps: async (page) => {
    await withCode("000000")(page);
    await page.locator("input[autocomplete=name]").fill("Noor");
    await page.locator("button[type=submit]").click();
    await page.locator("[role=alert]").waitFor();
  } },
  { name: "start-has-account", scene: "fresh", steps: toHasAccount },
  { name: "start-recover", scene: "fresh", steps: async (page) => {
    await toHasAccount(page);
    await page.locator("button[type=submit]").click();
    await page.locator("textarea").waitFor();
  } },
  { name: "start-take-over", scene: "fresh", steps: async (page) => {
    await toHasAccount(page);
    await page.locator("form button").last().click();
  } },
  { name: "start-link", scene: "fresh", steps: async (page) => {
    await page.locator("main button").nth(1).click();
    await page.locator("svg[role=img]").first().waitFor();
  } },
  { name: "starting", scene: "starting" },
  { name: "failed", scene: "failed", search: "&code=storage_unavailable" },
  { name: "ended", scene: "ended", search: "&code=device_revoked" },
  { name: "home" },
  { name: "home-empty", scene: "empty" },
  { name: "home-offline", scene: "offline", ready: "[role=status]:has(button)" },
  { name: "home-loose", scene: "loose" },
  { name: "home-arriving", scene: "arriving" },
  { name: "home-update", scene: "update" },
  { name: "home-search", steps: async (page) => {
    await page.locator("input[type=search]").first().fill(await page.evaluate(() => (document.documentElement.lang === "ar" ? "المطر" : "rain")));
    await page.locator("mark").first().waitFor();
  } },
  { name: "home-nothing", steps: async (page) => {
    await page.locator("input[type=search]").first().fill("zzzz");
    await page.waitForTimeout(300);
  } },
  { name: "home-mute", steps: async (page) => {
    // As a long press does on a phone.
    await page.locator("main li:has(button[aria-haspopup=menu])").nth(1).click({ button: "right" });
    await page.locator("[role=menuitem]").nth(1).click();
    await page.locator("dialog").waitFor();
  } },
  { name: "archive", hash: "#archive" },
  { name: "request", hash: `#request/${encodeURIComponent("a1b35e7f00000005@talk.example")}` },
  { name: "chat-group", hash: "#c/1", ready: "[data-line]" },
  { name: "chat-long", hash: "#c/2", ready: "[data-line]" },
  { name: "chat-key-changed", hash: "#c/3", ready: "[data-line]" },
  { name: "chat-arabic", hash: "#c/4", ready: "[data-line]" },
  { name: "chat-failed", hash: "#c/5", ready: "[data-line]" },
  // The way to the newest floats over the lines, which scroll from under it.
  { name: "chat-admins-only", hash: "#c/6", ready: "[data-line]", without: ["target-size"] },
  { name: "chat-asking", hash: "#c/7", ready: "[data-line]" },
  { name: "chat-notes", hash: "#c/8" },
  { name: "chat-left", hash: "#c/9", ready: "[data-line]" },
  { name: "chat-blocked", hash: "#c/11" },
  { name: "chat-menu", hash: "#c/1", ready: "[data-line]", steps: async (page) => {
    await page.locator("[data-line] article").last().hover();
    await page.locator("[data-line] button[aria-haspopup=menu]").last().click();
    await page.locator("[role=menuitem]").first().waitFor();
  } },
  { name: "chat-reply", hash: "#c/2", ready: "[data-line]", steps: async (page) => {
    await page.locator("[data-line] article").last().hover();
    await page.locator("[data-line] button[aria-haspopup=menu]").last().click();
    await page.locator("[role=menuitem]").first().click();
  } },
  { name: "chat-react", hash: "#c/1", ready: "[data-line]", steps: async (page) => {
    await page.locator("[data-line] article").last().hover();
    await page.locator("[data-line] button[aria-haspopup=menu]").last().click();
    await page.locator("[role=menuitem]").nth(1).click();
    await page.locator("dialog [role=toolbar] button").first().waitFor();
  } },
  { name: "chat-forward", hash: "#c/1", ready: "[data-line]", steps: async (page) => {
    await page.locator("[data-line] article").last().hover();
    await page.locator("[data-line] button[aria-haspopup=menu]").last().click();
    await page.locator("[role=menuitem]").nth(2).click();
    await page.locator("dialog").waitFor();
  } },
  { name: "chat-info", hash: "#c/1", ready: "[data-line]", steps: async (page) => {
    await menuOf(7, 5)(page);
    await page.locator("dialog").waitFor();
  } },
  { name: "chat-select", hash: "#c/5", ready: "[data-line]", steps: async (page) => {
    await page.locator("[data-line] article").first().hover();
    await page.locator("[data-line] button[aria-haspopup=menu]").first().click();
    await page.locator("[role=menuitem]").nth(4).click();
  } },
  { name: "chat-report", hash: "#c/5", ready: "[data-line]", steps: async (page) => {
    await page.locator("[data-line] article").first().hover();
    await page.locator("[data-line] button[aria-haspopup=menu]").first().click();
    await page.locator("[role=menuitem]").last().click();
    await page.locator("dialog").waitFor();
  } },
  { name: "chat-link-doubt", hash: "#c/5", ready: "[data-line]", steps: async (page) => {
    await page.locator("[data-line] a").first().click();
    await page.locator("dialog").waitFor();
  } },
  { name: "chat-mention", hash: "#c/1", ready: "[data-line]", steps: async (page) => {
    await page.locator("textarea").fill("@");
    await page.locator("textarea").press("End");
    await page.locator("[role=option]").first().waitFor();
  } },
  { name: "chat-files", hash: "#c/2", ready: "[data-line]", steps: async (page) => {
    await page.locator("input[type=file]").setInputFiles([{ name: "score.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(120_000) }]);
    await page.locator("dialog").waitFor();
  } },
  { name: "chat-find", hash: "#c/2", ready: "[data-line]", steps: async (page) => {
    await page.locator("header").last().locator("button").last().click();
    await page.locator("search input").fill("1999");
    await page.locator("search mark, search li").first().waitFor();
  } },
  { name: "people", hash: "#people" },
  { name: "find", hash: "#find" },
  { name: "find-none", hash: "#find", steps: async (page) => {
    await page.locator("input[type=tel]").fill("99999999");
    await page.locator("button[type=submit]").click();
    await page.locator("[role=status]").first().waitFor();
  } },
  { name: "person", hash: `#person/${encodeURIComponent(ANA)}` },
  { name: "safety", hash: `#safety/${encodeURIComponent(ANA)}` },
  { name: "new-group", hash: "#newGroup" },
  { name: "join", hash: "#join" },
  { name: "join-invited", hash: `#join/${GOOD_LINK}` },
  { name: "join-known", hash: `#join/${CHOIR_LINK}` },
  { name: "join-over", hash: `#join/${OVER_LINK}`, steps: async (page) => {
    await page.locator("main [role=region] button").last().click();
    await page.locator("[role=alert]").waitFor();
  } },
  { name: "join-broken", hash: "#join/7Jc9" },
  { name: "group", hash: "#about/1" },
  { name: "group-large", hash: "#about/6" },
  { name: "group-add", hash: "#group/1/add" },
  { name: "group-permissions", hash: "#group/1/permissions" },
  { name: "group-link", hash: "#group/1/link" },
  { name: "group-edit", hash: "#group/1/edit" },
  { name: "settings", hash: "#settings" },
  ...["profile", "devices", "approve", "recovery", "lock", "number", "look", "alerts", "storage", "delete"].map((page) => ({ name: `settings-${page}`, hash: `#settings/${page}` })),
  { name: "settings-recovery-words", hash: "#settings/recovery", steps: async (page) => {
    await page.locator("[role=region] button").last().click();
    await page.locator("ol li").first().waitFor();
  } },
  { name: "start-invited", scene: "fresh", hash: `#join/${GOOD_LINK}` },
];

/** Opens a screen as `view` shows it. */
export async function visitScreen(browser: Browser, address: string, view: View, screen: ScreenOf): Promise<Visit> {
  const path = `/app-stage.html?language=${view.language}&theme=${view.theme}&scene=${screen.scene ?? "home"}${screen.search ?? ""}${screen.hash ?? ""}`;
  const visited = await open(browser, address, view, path, screen.ready ?? "main");
  await screen.steps?.(visited.page);
  await visited.page.waitForTimeout(120);
  return visited;
}
