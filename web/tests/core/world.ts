/**
 * A world for the tests of the core: a real server on loopback, the terminal client, and a page that is served from the
 * same origin, as the server will serve it.
 *
 * Always holds: everything lies in a folder of its own, and ends with the test; whatever goes wrong unseen in any browser
 * of it, and whatever the server writes down that it may not, is in `wrongs`.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request as httpRequest, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createDoor, type Server as Door, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { pipeline, Transform } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "vite";
import { policy } from "../policy";
import { Secrets } from "./secrets";

const run = promisify(execFile);
const HERE = fileURLToPath(new URL(".", import.meta.url));
export const TARGET = process.env.CARGO_TARGET_DIR ?? join(HERE, "../../../target");
export const PROGRAM = process.env.COMITY_PROGRAM ?? join(TARGET, "debug/comity");
/** The app's files as `cargo xtask web` built them. */
export const CARRIED = join(HERE, "../../../crates/comity/web");
/** How long anything may take that waits for a program. */
export const PATIENCE_MS = Number(process.env.COMITY_TEST_PATIENCE_MS ?? 60_000);

/** Where browsers tell what their policy refused. No address of the server's. */
const REFUSED = "/tests/refused";
/** What goes at a pace goes in pieces of this. */
const PACED_BYTES = 64 * 1024;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/** What the terminal client tells of a line or a person, as far as it is looked at here. */
export interface Said {
  readonly text?: string;
  readonly message?: string;
  readonly attachment?: unknown;
}

/** Resolves once `check` gives something. */
export async function until<T>(what: string, check: () => Promise<T | undefined | null | false> | T | undefined | null | false): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what} did not come`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The page, built once for all worlds. */
export async function builtPage(): Promise<string> {
  const out = await mkdtemp(join(tmpdir(), "core-page-"));
  await build({
    root: HERE,
    configFile: false,
    logLevel: "warn",
    worker: { format: "es" },
    build: { outDir: out, emptyOutDir: true, target: "es2022", assetsInlineLimit: 0, modulePreload: false },
  });
  return out;
}

/** The app, built as it ships but by another file than `vite.config.ts`, relative to `web/`. */
export async function builtApp(config: string): Promise<string> {
  const out = await mkdtemp(join(tmpdir(), "core-app-"));
  // A process of its own: the tests' environment would make it a build for tests.
  const env = { ...process.env, NODE_ENV: "production" };
  await run(process.execPath, ["node_modules/vite/bin/vite.js", "build", "--mode", "app", "--config", config, "--outDir", out, "--emptyOutDir", "--logLevel", "error"], { cwd: join(HERE, "../.."), env });
  return out;
}

/**
 * The same policy once more, as one that only tells: of pages, workers and service workers alike, and of those that were
 * killed right after. The one that holds stays as it is sent, byte by byte.
 */
function watched(held: string | string[] | undefined): Record<string, string> {
  return typeof held === "string" ? { "content-security-policy-report-only": `${held}; report-uri ${REFUSED}` } : {};
}

export class World {
  #page: string | undefined;
  readonly #config: string;
  #server: ChildProcess | undefined;
  #front: Server | undefined;
  #elsewhere: Door | undefined;
  readonly #upgraded = new Set<Socket>();
  #port = 0;
  #held: { first?: string; readonly until: Promise<void> } | undefined;
  #pace: number | undefined;
  /** Where the page is. */
  url = "";
  /** All that was asked of this origin: the address, and from where. */
  readonly asked: string[] = [];
  /** Where everything is sent that browsers want of other origins: it is noted there, and goes no further. */
  elsewhere = "";
  /** What nobody wants to hear of a browser: exceptions, breaches of the page's policy, requests to elsewhere. */
  readonly complaints: string[] = [];
  /** What the server may not write down. */
  readonly secrets = new Secrets();
  /** All that the server says of what it does, at every level. */
  readonly log: string;
  /** Bytes of files that went up and came down so far. */
  readonly carried = { up: 0, down: 0 };

  private constructor(
    readonly folder: string,
    page: string | undefined,
  ) {
    this.#page = page;
    this.#config = join(folder, "comity.toml");
    this.log = join(folder, "server.log");
  }

  /** With the pages of a folder, or those that the server's program carries. */
  static async start(page: string | undefined = process.env.COMITY_PAGES): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), "core-world-"));
    const world = new World(folder, page);
    const config = [
      'app = "test.localhost"',
      'name = "Test"',
      'listen = "127.0.0.1:0"',
      `data = ${JSON.stringify(join(folder, "server"))}`,
      "development = true",
      "[limits]",
      "code_interval_ms = 0",
      "registrations_per_address_per_hour = 100000",
      "[log]",
      'level = "trace"',
      "",
    ];
    await writeFile(world.#config, config.join("\n"));
    await world.startServer();
    await world.#startFront();
    await world.#startElsewhere();
    return world;
  }

  async startServer(): Promise<void> {
    const server = spawn(PROGRAM, ["serve", "--config", this.#config]);
    this.#server = server;
    let said = "";
    let listens = false;
    const take = (bytes: Buffer) => {
      // At once, so that all of it is there whenever somebody looks.
      appendFileSync(this.log, bytes);
      if (!listens) said += bytes.toString();
    };
    server.stdout.on("data", take);
    server.stderr.on("data", take);
    this.#port = await until("the server", () => {
      if (server.exitCode !== null) throw new Error(`the server did not start:\n${said}`);
      const found = /listening on http:\/\/[\d.]+:(\d+)/.exec(said);
      return found === null ? undefined : Number(found[1]);
    });
    listens = true;
    // Its port is its own from now on.
    const config = await readFile(this.#config, "utf8");
    await writeFile(this.#config, config.replace("127.0.0.1:0", `127.0.0.1:${String(this.#port)}`));
  }

  async killServer(): Promise<void> {
    const server = this.#server;
    if (server?.exitCode === null && server.signalCode === null) {
      const gone = new Promise((done) => server.once("exit", done));
      server.kill("SIGKILL");
      await gone;
    }
  }

  /** From now on one file comes through, and all others wait until what it gives is called. */
  holdFiles(): () => void {
    let release = (): void => undefined;
    const until = new Promise<void>((done) => { release = done; });
    this.#held = { until };
    return () => {
      this.#held = undefined;
      release();
    };
  }

  /** From now on files go and come with so many bytes a second; with nothing, as fast as they can. */
  paces(bytes?: number): void {
    this.#pace = bytes;
  }

  /** All that went wrong unseen: at browsers, and in what the server wrote. */
  async wrongs(): Promise<readonly string[]> {
    const written = await readFile(this.log);
    // A server that says nothing would keep every secret.
    if (!written.includes("listening on")) throw new Error("the server's log is not there");
    return [...this.complaints, ...this.secrets.foundIn(written).map((it) => `the server wrote ${it}`)];
  }

  /** A door for all that is not of this origin. */
  async #startElsewhere(): Promise<void> {
    const door = createDoor((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", (asked) => {
        this.complaints.push(`a way to elsewhere: ${asked.toString("latin1").split("\r\n")[0] ?? ""}`);
        socket.destroy();
      });
    });
    await new Promise<void>((done) => door.listen(0, "127.0.0.1", done));
    this.#elsewhere = door;
    this.elsewhere = `http://127.0.0.1:${String((door.address() as AddressInfo).port)}`;
  }

  /** Pages from the built folder, all else from the app: one origin. */
  async #startFront(): Promise<void> {
    const front = createServer((request, response) => {
      void this.#serve(request, response);
    });
    front.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#upgrade(request, socket, head);
    });
    // Its port is its own from now on, too.
    const port = this.url === "" ? 0 : Number(new URL(this.url).port);
    await new Promise<void>((done) => front.listen(port, "127.0.0.1", done));
    this.#front = front;
    this.url = `http://localhost:${String((front.address() as AddressInfo).port)}`;
  }

  /** From now on the pages are those of another build. */
  serves(page: string): void {
    this.#page = page;
  }

  /** Nothing answers at this origin any more. */
  async goAway(): Promise<void> {
    const front = this.#front;
    const closed = new Promise((done) => front?.close(done));
    front?.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
    await this.killServer();
    await closed;
  }

  async comeBack(): Promise<void> {
    await this.startServer();
    await this.#startFront();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, headers, url: path = "/" } = request;
    this.asked.push(`${path} ${headers.referer ?? ""}`);
    if (path === REFUSED) {
      let told = "";
      for await (const bytes of request) told += String(bytes);
      this.complaints.push(`policy: ${told}`);
      response.writeHead(204).end();
      return;
    }
    if (this.#held !== undefined && method === "GET" && /^\/v1\/blobs\/[^/]+$/.test(path)) {
      this.#held.first ??= path;
      if (this.#held.first !== path) await this.#held.until;
    }
    const folder = this.#page;
    if (folder === undefined || path.startsWith("/v1/")) {
      const file = path.startsWith("/v1/blobs/");
      const on = httpRequest({ port: this.#port, method, headers, path }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...watched(answer.headers["content-security-policy"]) });
        if (file) pipeline(answer, this.#carrying("down"), response, () => undefined);
        else answer.pipe(response);
      });
      on.on("error", () => response.destroy());
      response.on("close", () => on.destroy());
      if (file) pipeline(request, this.#carrying("up"), on, () => undefined);
      else request.pipe(on);
      return;
    }
    const name = normalize(path === "/" ? "/index.html" : path);
    try {
      const body = await readFile(join(folder, name));
      response.writeHead(200, {
        "Content-Type": TYPES[extname(name)] ?? "application/octet-stream",
        "Content-Security-Policy": policy,
        ...watched(policy),
        "Cache-Control": name.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  }

  /** Counts what goes through, and keeps its pace. */
  #carrying(way: "up" | "down"): Transform {
    return new Transform({
      transform: (bytes: Buffer, _, done) => {
        const pace = this.#pace;
        if (pace === undefined) {
          this.carried[way] += bytes.length;
          done(null, bytes);
          return;
        }
        this.#paced(way, bytes, pace).then((all) => { done(null, all); }, done);
      },
    });
  }

  async #paced(way: "up" | "down", bytes: Buffer, pace: number): Promise<Buffer> {
    for (let at = 0; at < bytes.length; at += PACED_BYTES) {
      const length = Math.min(PACED_BYTES, bytes.length - at);
      await new Promise((done) => setTimeout(done, (length * 1000) / pace));
      this.carried[way] += length;
    }
    return bytes;
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { method, headers, url: path = "/" } = request;
    this.asked.push(`${path} ${headers.referer ?? ""}`);
    const on = httpRequest({ port: this.#port, method, headers, path });
    const end = () => {
      socket.destroy();
    };
    this.#upgraded.add(socket);
    socket.on("close", () => this.#upgraded.delete(socket));
    socket.on("error", () => on.destroy());
    on.on("error", end);
    on.on("response", end);
    on.on("upgrade", (answer, upstream, first) => {
      const lines = ["HTTP/1.1 101 Switching Protocols"];
      for (let at = 0; at < answer.rawHeaders.length; at += 2) {
        lines.push(`${answer.rawHeaders[at] ?? ""}: ${answer.rawHeaders[at + 1] ?? ""}`);
      }
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      socket.write(first);
      upstream.write(head);
      upstream.on("error", end);
      upstream.on("close", end);
      socket.on("close", () => upstream.destroy());
      upstream.pipe(socket).pipe(upstream);
    });
    on.end();
  }

  /** The newest code for a number, once there is one. */
  code(number: string): Promise<string> {
    const act = ["admin", "codes", "--config", this.#config, "--number", number, "--json"];
    return until(`a code for ${number}`, async () => {
      const { stdout } = await run(PROGRAM, act).catch(() => ({ stdout: "" }));
      return stdout === "" ? undefined : (JSON.parse(stdout) as { code: string }).code;
    });
  }

  /** Signs somebody up at the terminal. */
  async signUp(person: string, number: string, name: string): Promise<void> {
    this.secrets.addNumber(number);
    this.secrets.add(name);
    await this.terminal(person, "request-code", number);
    await this.terminal(person, "register", number, "--name", name, "--code", await this.code(number));
  }

  /** One act of the terminal client; its lines. */
  async terminal(person: string, ...act: readonly string[]): Promise<readonly Said[]> {
    if (act[0] === "send") this.secrets.add(act.at(-1) ?? "");
    const server = `http://127.0.0.1:${String(this.#port)}`;
    const { stdout } = await run(PROGRAM, ["chat", "--server", server, "--timeout", String(PATIENCE_MS / 1000), "--store", join(this.folder, person), ...act, "--json"], {
      env: { ...process.env, COMITY_PASSPHRASE: "correct horse" },
      maxBuffer: 64 << 20,
    });
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Said);
  }

  /** What somebody types at the terminal's screen, a line each; resolves once it has left. */
  async types(person: string, lines: readonly string[]): Promise<void> {
    this.secrets.add(...lines.filter((line) => !line.startsWith("/")));
    const client = spawn(PROGRAM, ["chat", "--store", join(this.folder, person)], {
      env: { ...process.env, COMITY_PASSPHRASE: "correct horse" },
      stdio: ["pipe", "ignore", "inherit"],
    });
    const ended = new Promise<number | null>((done) => client.once("exit", done));
    client.stdin.end(lines.map((line) => `${line}\n`).join(""));
    const code = await ended;
    if (code !== 0) throw new Error(`the terminal client ended with ${String(code)}`);
  }

  async end(): Promise<void> {
    this.#front?.closeAllConnections();
    this.#front?.close();
    this.#elsewhere?.close();
    await this.killServer();
    await rm(this.folder, { recursive: true, force: true });
  }
}
