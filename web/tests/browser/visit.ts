/** Opens the page of parts in Debian's Chromium without a window, and hears of everything that goes wrong there. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

export interface View {
  readonly width: number;
  readonly height: number;
  readonly theme: "light" | "dark";
  readonly language: "en" | "ar";
}

const SIZES = [{ width: 1280, height: 800 }, { width: 390, height: 844 }] as const;

/** A desk and a phone, light and dark, left to right and right to left. */
export const VIEWS: readonly View[] = SIZES.flatMap((size) =>
  (["light", "dark"] as const).flatMap((theme) => (["en", "ar"] as const).map((language) => ({ ...size, theme, language }))),
);

export function nameOf({ width, theme, language }: View): string {
  return `${String(width)}-${theme}-${language === "ar" ? "rtl" : "ltr"}`;
}

/**
 * Where Chromium is: Debian's that has no window at all, or elsewhere the whole one, which draws a window around each
 * page though nobody sees it.
 */
export function chromiumPath(): string {
  const path = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
  if (path === undefined) throw new Error("there is no Chromium: apt-get install chromium-headless-shell");
  return path;
}

export async function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
}

export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What went wrong so far: violations of the policy, errors, requests to elsewhere. */
  readonly wrongs: readonly string[];
}

/** The page of parts as `view` shows it, with every part there. */
export function visit(browser: Browser, address: string, view: View, more: { search?: string; hash?: string } = {}): Promise<Visit> {
  return open(browser, address, view, `/ui.html?language=${view.language}${more.search ?? ""}${more.hash ?? ""}`, "#emoji-picker [role=toolbar] button");
}

/** Opens `path`, as `view` shows it, and waits for `ready`. */
export async function open(browser: Browser, address: string, view: View, path: string, ready: string): Promise<Visit> {
  const { width, height, theme } = view;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, hasTouch: width < 600, reducedMotion: "reduce" });
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") wrongs.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrongs.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(`${address}/`)) wrongs.push(`request to ${request.url()}`);
  });
  await page.addInitScript(() => {
    // Without a window there is nobody to ask, which counts as refused; people have not been asked yet.
    Object.defineProperty(Notification, "permission", { get: () => "default" });
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(address + path);
  await page.waitForSelector(ready);
  return { context, page, wrongs };
}
