/** A browser of a test, with a profile that outlives it. */
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { State } from "../../src/core/core";
import type { Answers, Ask, Command, Event } from "../../src/core/types";
import { chromiumPath } from "../browser/visit";
import { PATIENCE_MS, until, type World } from "./world";

export interface Options {
  /** What else the context is opened with. */
  readonly context?: BrowserContextOptions;
  /** False for one that has no service workers, as private windows of some browsers. */
  readonly serviceWorkers?: boolean;
  /** What else the browser is started with. */
  readonly args?: readonly string[];
}

/** Where a browser is: the server that its page is of, and who hears of what it should not do. */
export type Around = Pick<World, "url" | "elsewhere" | "complaints">;

export class Browser {
  #context: BrowserContext | undefined;
  /** Of everything that came: its path, and whether a service worker answered. */
  readonly answers: { readonly path: string; readonly byWorker: boolean }[] = [];

  private constructor(
    readonly world: Around,
    readonly profile: string,
    readonly options: Options,
  ) {}

  static async start(world: Around, options: Options = {}): Promise<Browser> {
    const browser = new Browser(world, await mkdtemp(join(tmpdir(), "core-profile-")), options);
    await browser.open();
    return browser;
  }

  async open(): Promise<void> {
    this.#context = await chromium.launchPersistentContext(this.profile, {
      ...this.options.context,
      executablePath: chromiumPath(),
      headless: true,
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", ...(this.options.args ?? [])],
      // All but the page's own origin, also of this machine, whoever in the browser wants it: no page needs to see it.
      ...(this.world.elsewhere !== "" && { proxy: { server: this.world.elsewhere, bypass: `<-loopback>,${new URL(this.world.url).host}` } }),
    });
    if (this.options.serviceWorkers === false) await this.#context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, "serviceWorker"));
    this.#context.on("request", (request) => {
      const own = request.url().startsWith(`${this.world.url}/`) || /^(data|blob):/.test(request.url());
      if (!own) this.world.complaints.push(`request to ${request.url()}`);
    });
    await this.#context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
  }

  /** A tab whose core is ready; of the page that has nothing else. */
  async tab(): Promise<Page> {
    const page = await this.page();
    await ready(page);
    return page;
  }

  /** A tab at the page, whatever that shows. */
  async page(): Promise<Page> {
    if (this.#context === undefined) throw new Error("the browser is not open");
    const page = await this.#context.newPage();
    page.on("pageerror", (error) => this.world.complaints.push(`exception: ${String(error)}`));
    page.on("console", (message) => {
      // That the server is away is what some of these tests are about.
      const away = /WebSocket connection|Failed to load resource/.test(message.text());
      if (message.type() === "error" && !away) this.world.complaints.push(`console: ${message.text()}`);
    });
    page.on("response", (response) => {
      this.answers.push({ path: new URL(response.url()).pathname, byWorker: response.fromServiceWorker() });
    });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(this.world.url);
    return page;
  }

  /** As a power switch would: all processes of the browser's group at once, and whatever else is of this profile. */
  async kill9(): Promise<void> {
    const own = (await runs()).find(({ pid }) => pid === process.pid)?.group;
    await until("the end of the browser", async () => {
      const left = await processesOf(this.profile);
      for (const group of new Set(left.map(({ group }) => group))) if (group !== own) end9(-group);
      for (const { pid } of left) end9(pid);
      return left.length === 0;
    });
    await this.#context?.close().catch(() => undefined);
    this.#context = undefined;
    await rm(join(this.profile, "SingletonLock"), { force: true });
  }

  async end(): Promise<void> {
    await this.#context?.close().catch(() => undefined);
    await rm(this.profile, { recursive: true, force: true });
  }

  /** How many files the profile has, and which of them hold these bytes. */
  async holding(text: string): Promise<{ files: number; found: string[] }> {
    const wanted = Buffer.from(text);
    const wide = Buffer.from(text, "utf16le");
    const found: string[] = [];
    let files = 0;
    for (const entry of await readdir(this.profile, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const bytes = await readFile(path);
      files += 1;
      if (bytes.includes(wanted) || bytes.includes(wide)) found.push(path.slice(this.profile.length));
    }
    return { files, found };
  }
}

/** Resolves once the tab's core is ready. */
export async function ready(page: Page): Promise<void> {
  const state = await page.evaluate(
    () =>
      new Promise<State>((done) => {
        window.core.onState((state) => {
          if (state.is !== "starting") done(state);
        });
      }),
  );
  if (state.is !== "ready") throw new Error(`the core did not start: ${JSON.stringify(state)}`);
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly line: string;
}

/** All processes that run. */
async function runs(): Promise<readonly Process[]> {
  const found: Process[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const [line, stat] = await Promise.all(["cmdline", "stat"].map((file) => readFile(`/proc/${name}/${file}`, "utf8").catch(() => "")));
    // After the program's name, which may have anything in it: how it is, its parent, and its group (proc_pid_stat(5)).
    const [, parent, group] = /.*\) [A-Z] (\d+) (\d+) /s.exec(stat ?? "") ?? [];
    // One that has ended and was not yet asked about has no line.
    if (line !== undefined && line !== "" && parent !== undefined && group !== undefined) found.push({ pid: Number(name), parent: Number(parent), group: Number(group), line });
  }
  return found;
}

/** The processes of a profile: those that name it, and what these have started, which need not. */
async function processesOf(profile: string): Promise<readonly Process[]> {
  const all = await runs();
  const found = new Set<Process>();
  for (let more = all.filter(({ line }) => line.includes(`--user-data-dir=${profile}`)); more.length > 0;) {
    for (const one of more) found.add(one);
    const ids = new Set([...found].map(({ pid }) => pid));
    more = all.filter((one) => ids.has(one.parent) && !found.has(one));
  }
  return [...found];
}

/** Ends a process, or with a negative number a group of them, without a word to it. */
function end9(id: number): void {
  try {
    process.kill(id, "SIGKILL");
  } catch {
    // It ended with another one.
  }
}

/** An act, in a tab. */
export function act(page: Page, command: Command): Promise<Event[]> {
  return page.evaluate((command) => window.core.act(command), command);
}

/** A question, in a tab. */
export function ask<K extends keyof Answers>(page: Page, question: Extract<Ask, K | Record<K, unknown>>): Promise<Answers[K]> {
  return page.evaluate((question) => window.core.ask(question as never), question);
}

/** The texts of a conversation, as a watched window shows them once it shows what is wanted. */
export function shows(page: Page, conversation: number, wanted: readonly string[]): Promise<string[]> {
  return page.evaluate(
    ([conversation, wanted, patience]) =>
      new Promise<string[]>((done, failed) => {
        let texts: string[] = [];
        const end = window.core.list<"timeline">({ timeline: { conversation, limit: 500 } }, (rows) => {
          texts = rows.map(({ row }) => row.text);
          if (wanted.every((text) => texts.includes(text))) {
            setTimeout(() => {
              end();
            });
            done(texts);
          }
        });
        setTimeout(() => {
          failed(new Error(`only ${JSON.stringify(texts)}`));
        }, patience);
      }),
    [conversation, wanted, PATIENCE_MS] as const,
  );
}
