import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Package {
  readonly license?: string;
  readonly optional?: boolean;
}

/** What `deny.toml` allows of Rust is allowed here, and permissive licences that only this registry has. */
const denied = readFileSync(new URL("../../deny.toml", import.meta.url), "utf8");
const allowed = new Set([
  ...[...(/^allow = \[(.*?)^\]/ms.exec(denied)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map(([, licence]) => licence ?? ""),
  "0BSD",
  "BlueOak-1.0.0",
  // argparse, under the linter: Python's own, permissive.
  "Python-2.0",
]);
/** File by file, taken unmodified, and not in what ships. */
const exceptions: Readonly<Record<string, string>> = { "axe-core": "MPL-2.0", lightningcss: "MPL-2.0" };

const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as { packages: Record<string, Package> };

/** Whether an SPDX expression of ORs and ANDs is met. */
function meets(expression: string): boolean {
  const plain = expression.replace(/^\(|\)$/g, "");
  return plain.split(" OR ").some((way) => way.split(" AND ").every((licence) => allowed.has(licence.trim())));
}

describe("the packages that came in", () => {
  it("have permissive licences, each by its own word", () => {
    expect(allowed.has("MIT")).toBe(true);
    expect(allowed.has("MPL-2.0")).toBe(false);
    const found: string[] = [];
    let read = 0;
    for (const [path, locked] of Object.entries(lock.packages)) {
      if (path === "") continue;
      let own: Package | undefined;
      try {
        own = JSON.parse(readFileSync(new URL(`../${path}/package.json`, import.meta.url), "utf8")) as Package;
        read += 1;
      } catch (error) {
        // Other systems' binaries are locked and not here.
        if (locked.optional !== true) throw error;
      }
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      const licence = own?.license ?? locked.license ?? "none";
      if (!meets(licence) && exceptions[name] !== licence) found.push(`${name}: ${licence}`);
    }
    expect(found).toEqual([]);
    expect(read).toBeGreaterThan(100);
  });
});
