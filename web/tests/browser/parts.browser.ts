/**
 * The page of parts, in a real browser, built and under its policy.
 *
 * Always holds: nothing is left out of the checks but by name and with a reason. Needs `npm run build`.
 */
import type { Server } from "node:http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../server";
import { findings } from "./findings";
import { launch, nameOf, VIEWS, visit } from "./visit";

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

describe.each(VIEWS)("at $width pixels, $theme, in $language", (view) => {
  it("every part and what opens is accessible, fits, and keeps to the policy", async () => {
    const { context, page, wrongs } = await visit(browser, address, view);
    expect(await page.evaluate(() => document.documentElement.dir), nameOf(view)).toBe(view.language === "ar" ? "rtl" : "ltr");
    expect(await findings(page)).toEqual([]);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over, "pixels that the page is too wide").toBeLessThanOrEqual(0);
    await opens(page);
    expect(wrongs).toEqual([]);
    await context.close();
  });
});

/** What opens is accessible, takes the focus and gives it back. */
async function opens(page: Page): Promise<void> {
  for (const at of [0, 1, 2]) {
    const button = page.locator("#dialog figure button").nth(at);
    await button.click();
    const dialog = page.locator("dialog[open]");
    await dialog.waitFor();
    expect(await findings(page, "dialog[open]")).toEqual([]);
    expect(await page.evaluate(() => document.activeElement?.closest("dialog") !== null)).toBe(true);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(await button.evaluate((it) => it === document.activeElement)).toBe(true);
  }
}

describe("by the keyboard", () => {
  const desk = { width: 1280, height: 800, theme: "light", language: "en" } as const;

  const focused = (page: Page): Promise<string> =>
    page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent.trim() ?? "");

  it("Tab comes to every control, and each shows that it is there", async () => {
    const { context, page } = await visit(browser, address, desk);
    // Each control that takes part in the order of Tab; radios of one name are one stop.
    const wanted = await page.evaluate(() => {
      const names = new Set<string>();
      const all = [...document.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea, [tabindex='0']")].filter((it) => {
        if (it.tabIndex < 0 || it.matches(":disabled") || it.getClientRects().length === 0) return false;
        if (!(it instanceof HTMLInputElement) || it.type !== "radio") return true;
        if (names.has(it.name)) return false;
        names.add(it.name);
        return true;
      });
      (window as unknown as { seen: Set<Element> }).seen = new Set();
      return all.length;
    });
    expect(wanted).toBeGreaterThan(150);
    const unseen: string[] = [];
    for (let step = 0; step < wanted + 20; step += 1) {
      await page.keyboard.press("Tab");
      const found = await page.evaluate(() => {
        const it = document.activeElement as HTMLElement;
        const { seen } = window as unknown as { seen: Set<Element> };
        if (it === document.body || seen.has(it)) return null;
        seen.add(it);
        const shows = (element: Element | null): boolean => {
          if (element === null) return false;
          const style = getComputedStyle(element);
          return (style.outlineStyle !== "none" && style.outlineWidth !== "0px") || style.boxShadow !== "none";
        };
        // A field is marked by its box; a control of our own drawing by what is drawn.
        const marked = shows(it) || shows(it.parentElement) || [...(it.parentElement?.children ?? [])].some((by) => by !== it && shows(by));
        return marked ? "" : it.outerHTML.slice(0, 120);
      });
      if (found !== null && found !== "") unseen.push(found);
    }
    expect(unseen).toEqual([]);
    const reached = await page.evaluate(() => (window as unknown as { seen: Set<Element> }).seen.size);
    expect(reached).toBeGreaterThanOrEqual(wanted);
    await context.close();
  });

  it("a menu opens, is walked, chooses, and gives the focus back", async () => {
    const { context, page } = await visit(browser, address, desk);
    const button = page.locator("#menu button[aria-haspopup=menu]");
    await button.focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "menuitem");
    expect(await focused(page)).toBe("Reply");
    expect(await findings(page, "#menu")).toEqual([]);
    await page.keyboard.press("ArrowUp");
    expect(await focused(page)).toBe("Delete");
    await page.keyboard.press("f");
    expect(await focused(page)).toBe("Forward");
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-haspopup") === "menu");
    expect(await button.getAttribute("aria-expanded")).toBe("false");
    await context.close();
  });

  it("a country is found by typing, and chosen", async () => {
    const { context, page } = await visit(browser, address, desk);
    const field = page.locator("#select input[role=combobox]").nth(1);
    await field.focus();
    await page.keyboard.press("ArrowDown");
    await page.locator("[role=listbox]").waitFor();
    await page.keyboard.type("+962");
    await page.waitForFunction(() => document.querySelectorAll("[role=option]").length === 1);
    expect(await findings(page, "#select")).toEqual([]);
    await page.keyboard.press("Enter");
    expect(await field.inputValue()).toBe("Jordan");
    await context.close();
  });

  it("a pasted code fills every box, and Backspace empties them from the end", async () => {
    const { context, page } = await visit(browser, address, desk);
    const boxes = page.locator("#code-field figure").first().locator("input");
    await boxes.first().focus();
    await page.keyboard.insertText("٦٥٤-321");
    const digits = (): Promise<string[]> => boxes.evaluateAll((all) => all.map((it) => (it as HTMLInputElement).value));
    expect(await digits()).toEqual(["6", "5", "4", "3", "2", "1"]);
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Backspace");
    expect(await digits()).toEqual(["6", "5", "4", "3", "", ""]);
    await page.keyboard.type("98");
    expect((await digits()).join("")).toBe("654398");
    await context.close();
  });

  it("tabs, the list's width, and the voice's position follow the direction of writing", async () => {
    for (const language of ["en", "ar"] as const) {
      const { context, page } = await visit(browser, address, { ...desk, language });
      const forward = language === "ar" ? "ArrowLeft" : "ArrowRight";
      await page.locator("#choosers [role=tab]").first().focus();
      await page.keyboard.press(forward);
      expect(await page.locator("#choosers [role=tab]").nth(1).getAttribute("aria-selected")).toBe("true");
      const splitter = page.locator("#desk [role=separator]");
      await splitter.focus();
      await page.keyboard.press(forward);
      expect(await splitter.getAttribute("aria-valuenow")).toBe("356");
      const wave = page.locator("#attachments [role=slider]").first();
      await wave.focus();
      await page.keyboard.press(forward);
      expect(await wave.getAttribute("aria-valuenow")).toBe("5");
      await context.close();
    }
  });

  it("Enter sends, Shift+Enter breaks the line", async () => {
    const { context, page } = await visit(browser, address, desk);
    const area = page.locator("#composer textarea").first();
    await area.focus();
    await page.keyboard.type("One");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    expect(await area.inputValue()).toBe("One\ntwo");
    await page.keyboard.press("Enter");
    expect(await area.inputValue()).toBe("");
    await context.close();
  });
});

describe("the reader's own settings", () => {
  it("text of twice the size still fits on a phone", async () => {
    const { context, page } = await visit(browser, address, { width: 390, height: 844, theme: "light", language: "en" }, { search: "&size=200" });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over).toBeLessThanOrEqual(0);
    await context.close();
  });

  it("less motion means none", async () => {
    const { context, page } = await visit(browser, address, { width: 1280, height: 800, theme: "light", language: "en" });
    const moving = await page.evaluate(() => document.getAnimations().filter((it) => it.playState === "running").length);
    expect(moving).toBe(0);
    await context.close();
  });

  it("a deep link leads to its part", async () => {
    const { context, page } = await visit(browser, address, { width: 1280, height: 800, theme: "light", language: "en" }, { hash: "#bubble" });
    await page.waitForFunction(() => {
      const top = document.getElementById("bubble")?.getBoundingClientRect().top ?? 9999;
      return top >= -5 && top < 400;
    });
    await context.close();
  });

  it("the switches change the page and its address", async () => {
    const { context, page } = await visit(browser, address, { width: 1280, height: 800, theme: "light", language: "en" });
    await page.getByRole("radio", { name: "Dark" }).check();
    await page.getByRole("radio", { name: "RTL" }).check();
    expect(await page.evaluate(() => [document.documentElement.dataset.theme, document.documentElement.dir])).toEqual(["dark", "rtl"]);
    expect(new URL(page.url()).search).toBe("?theme=dark&direction=rtl");
    await context.close();
  });
});
