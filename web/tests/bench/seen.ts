/**
 * What a page's own timeline says of it: tasks, frames, keys, and the marks that the app sets (`src/app/state/drawn.ts`).
 *
 * Always holds: every figure is the browser's, by its own clock; this only takes them down. Deliberately absent: patience
 * and judgement.
 */
import type { Page } from "playwright-core";

/** What was seen of a page for some time. */
export interface Seen {
  /** How long each task of more than 50 ms took (`longtask`). */
  readonly tasks: readonly number[];
  /** How long each frame took that took longer than 50 ms, from its first work to its drawing (`long-animation-frame`). */
  readonly frames: readonly number[];
  /** From one frame to the next. */
  readonly gaps: readonly number[];
  /** From a press of Enter to the frame with the own bubble. */
  readonly bubbles: readonly number[];
  /** From a key to the next frame, of those that took longer than 16 ms (`event`). */
  readonly keys: readonly number[];
  readonly ms: number;
}

interface Taken {
  begin: (sinceMs: number) => void;
  end: () => Seen;
  bubbles: () => number;
}

declare global {
  interface Window {
    seen: Taken | undefined;
  }
}

/** Begins to take down what is seen of a page. What was before `sinceMs` of its life does not count. */
export async function begin(page: Page, sinceMs?: number): Promise<void> {
  await page.evaluate((sinceMs) => {
    window.seen ??= taking();
    window.seen.begin(sinceMs ?? performance.now());

    function taking(): Taken {
      let since = 0;
      let pressed = 0;
      let last = 0;
      let seen = { tasks: [] as number[], frames: [] as number[], gaps: [] as number[], bubbles: [] as number[], keys: [] as number[] };
      const take = (entries: PerformanceEntryList): void => {
        for (const { entryType, name, startTime, duration } of entries) {
          if (startTime < since) continue;
          if (entryType === "longtask") seen.tasks.push(duration);
          else if (entryType === "long-animation-frame") seen.frames.push(duration);
          else if (entryType === "event" && name === "keydown") seen.keys.push(duration);
          else if (name === "comity:bubble") seen.bubbles.push(startTime - pressed);
        }
      };
      const observers = ["longtask", "long-animation-frame", "event", "mark"].map((type) => {
        const observer = new PerformanceObserver((list) => { take(list.getEntries()); });
        observer.observe({ type, buffered: true, ...(type === "event" && { durationThreshold: 16 }) });
        return observer;
      });
      document.addEventListener("keydown", (event) => { if (event.key === "Enter") pressed = event.timeStamp; }, true);
      const frame = (at: number): void => {
        if (last > 0) seen.gaps.push(at - last);
        last = at;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
      return {
        begin: (sinceMs) => {
          for (const observer of observers) take(observer.takeRecords());
          since = sinceMs;
          last = 0;
          seen = { tasks: [], frames: [], gaps: [], bubbles: [], keys: [] };
        },
        end: () => {
          for (const observer of observers) take(observer.takeRecords());
          return { ...seen, ms: performance.now() - since };
        },
        bubbles: () => seen.bubbles.length,
      };
    }
  }, sinceMs);
}

/** What was seen since. */
export function end(page: Page): Promise<Seen> {
  return page.evaluate(() => {
    if (window.seen === undefined) throw new Error("nothing was taken down");
    return window.seen.end();
  });
}

/** When a mark was set, in the life of the page; resolves once it is there. */
export async function marked(page: Page, name: string): Promise<number> {
  // Asked for without a frame of its own, which `raf` would be.
  await page.waitForFunction((name) => performance.getEntriesByName(name).length > 0, name, { polling: 50 });
  return page.evaluate((name) => performance.getEntriesByName(name)[0]?.startTime ?? Number.NaN, name);
}

/** Resources that came to a page and its workers, by address, with their bytes as they travelled, head and all. */
export async function travelled(page: Page): Promise<ReadonlyMap<string, number>> {
  const [own, ...others] = await Promise.all([
    page.evaluate(() => ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type)).map((entry) => [entry.name, (entry as PerformanceResourceTiming).transferSize] as const)),
    ...page.workers().map((worker) => worker.evaluate(() => performance.getEntriesByType("resource").map((entry) => [entry.name, (entry as PerformanceResourceTiming).transferSize] as const))),
  ]);
  const all = new Map<string, number>();
  // A worker's script may be told in its page's timeline and in its own.
  for (const [address, bytes] of [own, ...others].flat()) all.set(address, Math.max(bytes, all.get(address) ?? 0));
  return all;
}

/** How long the worker took for the parts of its start. */
export async function parts(page: Page): Promise<Readonly<Record<string, number>>> {
  const all = await Promise.all(page.workers().map((worker) => worker.evaluate(() => performance.getEntriesByType("measure").map(({ name, duration }) => [name, duration] as const))));
  return Object.fromEntries(all.flat());
}
