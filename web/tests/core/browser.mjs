// A browser of a test, with a profile that outlives it.

import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { until } from "./world.mjs";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export class Browser {
  static async start(url) {
    const browser = new Browser();
    browser.url = url;
    browser.profile = await mkdtemp(join(tmpdir(), "core-profile-"));
    await browser.open();
    return browser;
  }

  async open() {
    this.context = await chromium.launchPersistentContext(this.profile, {
      executablePath: PROGRAM,
      headless: true,
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    });
    this.complaints = [];
  }

  /** A tab whose core is ready. */
  async tab() {
    const page = await this.context.newPage();
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !/WebSocket|Failed to load resource|ERR_/.test(message.text())) {
        this.complaints.push(message.text());
      }
    });
    await page.goto(this.url);
    await ready(page);
    return page;
  }

  /** As a power switch would: every process of this profile. */
  async kill9() {
    for (const pid of await processesOf(this.profile)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended with another one.
      }
    }
    await until("the end of the browser", async () => (await processesOf(this.profile)).length === 0);
    await rm(join(this.profile, "SingletonLock"), { force: true });
  }

  async end() {
    await this.context.close().catch(() => undefined);
    await rm(this.profile, { recursive: true, force: true });
  }

  /** The files of the profile that hold these bytes. */
  async holding(text) {
    const wanted = Buffer.from(text);
    const found = [];
    for (const entry of await readdir(this.profile, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) {
        const path = join(entry.parentPath ?? entry.path, entry.name);
        const bytes = await readFile(path).catch(() => Buffer.alloc(0));
        if (bytes.includes(wanted)) {
          found.push(path.slice(this.profile.length));
        }
      }
    }
    return found;
  }
}

export async function ready(page) {
  const state = await page.evaluate(
    () =>
      new Promise((done) => {
        window.core.onState((state) => {
          if (state.is !== "starting") {
            done(state);
          }
        });
      }),
  );
  if (state.is !== "ready") {
    throw new Error(`the core did not start: ${JSON.stringify(state)}`);
  }
}

async function processesOf(profile) {
  const found = [];
  for (const name of await readdir("/proc")) {
    if (/^\d+$/.test(name)) {
      const line = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
      if (line.includes(`--user-data-dir=${profile}`)) {
        found.push(Number(name));
      }
    }
  }
  return found;
}

/** An act, in a tab. */
export function act(page, command) {
  return page.evaluate((command) => window.core.act(command), command);
}

/** A question, in a tab. */
export function ask(page, question) {
  return page.evaluate((question) => window.core.ask(question), question);
}

/** The texts of a conversation, as a watched window shows them once it shows what is wanted. */
export function shows(page, conversation, wanted) {
  return page.evaluate(
    ([conversation, wanted]) =>
      new Promise((done, failed) => {
        let texts = [];
        const end = window.core.list(
          { timeline: { conversation, limit: 500 } },
          (rows) => {
            texts = rows.map(({ row }) => row.text);
            if (wanted.every((text) => texts.includes(text))) {
              setTimeout(() => end());
              done(texts);
            }
          },
        );
        setTimeout(() => failed(new Error(`only ${JSON.stringify(texts)}`)), 60_000);
      }),
    [conversation, wanted],
  );
}
