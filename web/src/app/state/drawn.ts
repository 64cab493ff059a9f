/**
 * Marks in the browser's own timeline of what a person waits for, set once it is drawn: what `npm run bench` reads.
 *
 * Always holds: a mark stands behind the frame in which what it is about was first drawn; of each name there is one, the
 * newest. Deliberately absent: telling anybody; no mark leaves the browser.
 */
import { useLayoutEffect } from "react";

/** The list of conversations with the names of people; the newest line of an open conversation, where it is an own one. */
export type Drawn = "comity:list" | "comity:bubble";

/** Marks that `what` is drawn, once for each; null while there is nothing. */
export function useDrawn(name: Drawn, what: string | null): void {
  useLayoutEffect(() => {
    if (what === null) return;
    requestAnimationFrame(() => {
      // What is posted while a frame is prepared comes when it was drawn.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        performance.clearMarks(name);
        performance.mark(name);
      };
      port2.postMessage(null);
    });
  }, [name, what]);
}
