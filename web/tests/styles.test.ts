import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" });
const read = (name: string): string => readFileSync(join(ROOT, name), "utf8");
const sheets = files.filter((name) => name.endsWith(".css"));

/** A sheet without what is said in it. */
const code = (name: string): string => read(name).replace(/\/\*.*?\*\//gs, "");

describe("style sheets", () => {
  it("have every class that is used, and no other", () => {
    const used = new Map<string, Set<string>>();
    for (const name of files.filter((it) => it.endsWith(".tsx"))) {
      const text = read(name);
      const sheet = /import styles from "(.+\.module\.css)"/.exec(text)?.[1];
      if (sheet === undefined) continue;
      const key = join(dirname(name), sheet);
      const names = used.get(key) ?? new Set();
      for (const [, cls] of text.matchAll(/\bstyles\.(\w+)/g)) names.add(cls ?? "");
      if (text.includes("styles[progress]")) for (const it of ["sending", "sent", "delivered", "read", "failed"]) names.add(it);
      if (text.includes("styles[kind]")) for (const it of ["lead", "soft", "plain", "bad"]) names.add(it);
      if (text.includes('"ghost" : kind')) names.add("ghost");
      used.set(key, names);
    }
    for (const sheet of sheets.filter((it) => it.endsWith(".module.css"))) {
      const there = new Set([...code(sheet).matchAll(/\.([a-z]\w*)(?![^{]*;)/gi)].map(([, cls]) => cls ?? ""));
      expect([...there].sort(), sheet).toEqual([...(used.get(sheet) ?? [])].sort());
    }
  });

  it("know no left and no right, so that both directions are one sheet", () => {
    const physical = /(^|[\s;{])((margin|padding|border|inset|scroll-margin|scroll-padding)-(left|right|top|bottom)|(left|right|top|bottom|width|height|min-width|max-width|min-height|max-height)\s*:)|(text-align|float|clear):\s*(left|right)/g;
    const found = sheets.flatMap((name) => [...code(name).matchAll(physical)].map(([what]) => `${name}: ${what.trim()}`));
    expect(found).toEqual([]);
  });

  it("weigh more than what every page starts from, in whichever order they are put together", () => {
    const selectors = [...code("ui/tokens/base.css").matchAll(/([^{}@;]+)\{/g)].map(([, it]) => it ?? "").flatMap((it) => it.split(","));
    const heavy = selectors.map((it) => it.trim()).filter((it) => /[[.#]/.test(it.replace(/:where\(.*?\)/g, "")));
    // Less motion is for all; what is for hearing is a class that nobody else has.
    expect(heavy.filter((it) => !it.startsWith(":root[data-motion") && it !== ".sr-only")).toEqual([]);
  });

  it("take their colours from the roles", () => {
    // A QR code is dark on light and what lies over a picture dark, in every theme.
    const exceptions = ["#ffffff", "#271f29", "#1d1520c4"];
    const found = sheets
      .filter((name) => !name.includes("tokens"))
      .flatMap((name) => [...code(name).matchAll(/#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(/gi)].map(([what]) => `${name}: ${what}`))
      .filter((it) => !exceptions.some((allowed) => it.endsWith(allowed)));
    expect(found).toEqual([]);
  });
});
