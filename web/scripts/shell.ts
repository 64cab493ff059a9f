/**
 * A plug-in of the app's build: writes the service worker, with the list of all files that were built.
 *
 * Always holds: the list is made of what was written, after it was. Deliberately absent: pages that are not the app's;
 * only a build of the app alone has a service worker.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "vite";
import { SERVICE_WORKER, type Shell } from "../src/sw/shell";

const SOURCES = fileURLToPath(new URL("../src/sw/", import.meta.url));
const POLICY = fileURLToPath(new URL("../policy.txt", import.meta.url));

/** Writes `sw.js` beside the built files. */
export function shell(): Plugin {
  let folder = "";
  let failed = false;
  return {
    name: "comity-shell",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    buildEnd(error) {
      failed = error !== undefined;
    },
    async closeBundle() {
      if (!failed) await written(folder, listed(folder));
    },
  };
}

/** The files below `folder`, as the service worker keeps them. */
export function listed(folder: string): Shell {
  const files: Record<string, string> = {};
  for (const name of below(folder)) {
    const path = name === "index.html" ? "/" : `/${name}`;
    if (path !== SERVICE_WORKER) files[path] = `sha256-${hash([join(folder, name)]).toString("base64")}`;
  }
  // Responses are kept with their headers: another policy is another build, and so is another worker.
  const rest = hash([POLICY, ...below(SOURCES).filter((name) => !name.endsWith(".test.ts")).map((name) => join(SOURCES, name))]);
  const all = createHash("sha256").update(JSON.stringify(files)).update(rest).digest("hex");
  return { build: all.slice(0, 16), files };
}

function below(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => name.split(sep).join("/"))
    .sort();
}

function hash(paths: readonly string[]): Buffer {
  const all = createHash("sha256");
  for (const path of paths) all.update(readFileSync(path));
  return all.digest();
}

/** One classic script: not every browser starts a service worker as a module. */
async function written(folder: string, shell: Shell): Promise<void> {
  await build({
    configFile: false,
    publicDir: false,
    logLevel: "warn",
    define: { SHELL: JSON.stringify(shell) },
    build: {
      target: "es2022",
      outDir: folder,
      emptyOutDir: false,
      rollupOptions: { input: join(SOURCES, "sw.ts"), output: { format: "iife", entryFileNames: SERVICE_WORKER.slice(1) } },
    },
  });
}
