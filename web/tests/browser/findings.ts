/** What axe finds in a page. Always holds: nothing is left out but by name and with a reason. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

declare const axe: { run: (context: unknown, options: RunOptions) => Promise<AxeResults> };

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// Of what it finds in order, one node each is gone into: what is wrong is told of every node.
const RULES: RunOptions = { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
/** Views of single parts are judged where they stand; the page holds several of each landmark. */
const OF_THE_PAGE = ["landmark-unique", "landmark-banner-is-top-level", "landmark-no-duplicate-banner", "landmark-contentinfo-is-top-level", "landmark-no-duplicate-contentinfo", "heading-order"];

/** Waits until what moves to an end is there: half faded in, all has too little contrast. What goes round for ever stays. */
export async function atRest(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const moving = (): Animation[] => document.getAnimations().filter((it) => it.playState === "running" && it.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
    // One that is taken back ends, too; another may begin with it.
    for (let all = moving(); all.length > 0; all = moving()) await Promise.allSettled(all.map((it) => it.finished));
  });
}

/** What axe finds wrong, a line each. */
export async function findings(page: Page, within: string | null = null, without: readonly string[] = OF_THE_PAGE): Promise<string[]> {
  await atRest(page);
  if (await page.evaluate(() => !("axe" in window))) await page.evaluate(AXE);
  // Told in the page: all that axe knows is megabytes, which take longer on their way than to be found.
  const { passes, wrongs } = await page.evaluate(
    async ([at, options]) => {
      const results = await axe.run(at ?? document, options);
      const wrongs = results.violations.flatMap((found) => found.nodes.map((node) => `${found.id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? node.all[0]?.message ?? ""}`));
      return { passes: results.passes.length, wrongs };
    },
    [within, { ...RULES, rules: Object.fromEntries(without.map((id) => [id, { enabled: false }])) }] as const,
  );
  expect(passes).toBeGreaterThan(5);
  return wrongs;
}
