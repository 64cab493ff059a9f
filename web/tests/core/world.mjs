// A world for the tests of the core: a real server on loopback, the terminal client, and a page
// that is served from the same origin, as the server will serve it.
//
// Always holds: everything lies in a folder of its own, and ends with the test.

import { spawn, execFile } from "node:child_process";
import { createServer, request as httpRequest } from "node:http";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "vite";

const run = promisify(execFile);
const HERE = fileURLToPath(new URL(".", import.meta.url));
const PROGRAM = process.env.COMITY_PROGRAM ?? join(HERE, "../../../target/debug/comity");
/** How long anything may take that waits for a program. */
export const PATIENCE_MS = Number(process.env.COMITY_TEST_PATIENCE_MS ?? 60_000);

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};
/** As strict as the app's own pages will have it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types comity-worker",
].join("; ");

/** Resolves once `check` gives something; fails with what it last said. */
export async function until(what, check) {
  const end = Date.now() + PATIENCE_MS;
  let last;
  for (;;) {
    last = await check();
    if (last) {
      return last;
    }
    if (Date.now() > end) {
      throw new Error(`${what} did not come`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The page, built once for all worlds. */
export async function builtPage() {
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

export class World {
  static async start(page) {
    const folder = await mkdtemp(join(tmpdir(), "core-world-"));
    const world = new World();
    Object.assign(world, { folder, page, config: join(folder, "comity.toml") });
    await writeFile(
      world.config,
      [
        'app = "test.localhost"',
        'name = "Test"',
        'listen = "127.0.0.1:0"',
        `data = ${JSON.stringify(join(folder, "server"))}`,
        "development = true",
        "[limits]",
        "code_interval_ms = 0",
        "registrations_per_address_per_hour = 100000",
        "",
      ].join("\n"),
    );
    await world.startServer();
    await world.startFront();
    return world;
  }

  async startServer() {
    this.server = spawn(PROGRAM, ["serve", "--config", this.config]);
    let said = "";
    const take = (bytes) => (said += bytes);
    this.server.stdout.on("data", take);
    this.server.stderr.on("data", take);
    await until("the server", () => {
      if (this.server.exitCode !== null) {
        throw new Error(`the server did not start:\n${said}`);
      }
      const found = /listening on http:\/\/([\d.]+):(\d+)/.exec(said);
      this.port = found ? Number(found[2]) : undefined;
      return found;
    });
    // Its port is its own from now on.
    const config = await readFile(this.config, "utf8");
    await writeFile(this.config, config.replace("127.0.0.1:0", `127.0.0.1:${this.port}`));
  }

  async killServer() {
    const gone = new Promise((done) => this.server.once("exit", done));
    this.server.kill("SIGKILL");
    await gone;
  }

  /** Pages from the built folder, all else from the app: one origin. */
  async startFront() {
    this.front = createServer((request, response) => this.#serve(request, response));
    this.front.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    await new Promise((done) => this.front.listen(0, "127.0.0.1", done));
    this.url = `http://localhost:${this.front.address().port}`;
  }

  async #serve(request, response) {
    if (request.url.startsWith("/v1/")) {
      const { method, headers, url: path } = request;
      const on = httpRequest({ port: this.port, method, headers, path }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      on.on("error", () => response.destroy());
      request.pipe(on);
      return;
    }
    const path = normalize(request.url === "/" ? "/index.html" : request.url);
    try {
      const bytes = await readFile(join(this.page, path));
      response.writeHead(200, {
        "content-type": TYPES[extname(path)] ?? "application/octet-stream",
        "content-security-policy": POLICY,
      });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  }

  #upgrade(request, socket, head) {
    const { method, headers, url: path } = request;
    const on = httpRequest({ port: this.port, method, headers, path });
    const end = () => socket.destroy();
    socket.on("error", () => on.destroy());
    on.on("error", end);
    on.on("response", end);
    on.on("upgrade", (answer, upstream, first) => {
      const lines = [`HTTP/1.1 101 Switching Protocols`];
      for (let at = 0; at < answer.rawHeaders.length; at += 2) {
        lines.push(`${answer.rawHeaders[at]}: ${answer.rawHeaders[at + 1]}`);
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
  async code(number) {
    const act = ["admin", "codes", "--config", this.config, "--number", number, "--json"];
    return until(`a code for ${number}`, async () => {
      const { stdout } = await run(PROGRAM, act).catch(() => ({ stdout: "" }));
      return stdout === "" ? undefined : JSON.parse(stdout).code;
    });
  }

  /** Signs somebody up at the terminal. */
  async signUp(person, number, name) {
    await this.terminal(person, "request-code", number);
    await this.terminal(person, "register", number, "--name", name, "--code", await this.code(number));
  }

  /** One act of the terminal client; its lines. */
  async terminal(person, ...act) {
    const { stdout } = await run(
      PROGRAM,
      ["chat", "--server", `http://127.0.0.1:${this.port}`, "--timeout", "60", "--store", join(this.folder, person), ...act, "--json"],
      { env: { ...process.env, COMITY_PASSPHRASE: "correct horse" }, maxBuffer: 64 << 20 },
    );
    return stdout.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  async end() {
    this.front.closeAllConnections();
    this.front.close();
    if (this.server.exitCode === null) {
      await this.killServer();
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
