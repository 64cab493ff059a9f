/** Saves a message's file: at once where it is here, else once it is fetched. */
import { useCallback } from "react";
import { useAct, useCore } from "../state/context";
import type { Line } from "../state/face";
import { heldOf, hold, saveAs } from "../state/files";

export function useSave(conversation: number): (line: Line) => void {
  const core = useCore();
  const act = useAct();
  return useCallback((line: Line) => {
    const name = line.attachment?.file_name ?? "";
    const here = heldOf(line.message);
    if (here !== undefined) {
      saveAs(here.url, name);
      return;
    }
    const path = crypto.randomUUID();
    const off = core.onEvent((event) => {
      if (event.event !== "transfer" || event.path !== path || event.state === "running") return;
      off();
      if (event.state === "done") void core.take(path).then((blob) => { if (blob !== undefined) saveAs(hold(line.message, blob).url, name); });
    });
    void act({ save_attachment: { conversation, message: line.message, path } }).then((events) => { if (events === null) off(); });
  }, [core, act, conversation]);
}
