/** Saves a message's file: at once where it is here or kept, else once it is fetched. */
import { useCallback } from "react";
import { useAct, useCore } from "../state/context";
import type { Line } from "../state/face";
import { hold, readBack, saveAs } from "../state/files";

export function useSave(conversation: number): (line: Line) => void {
  const core = useCore();
  const act = useAct();
  const save = useCallback(async (line: Line) => {
    const name = line.attachment?.file_name ?? "";
    const here = await readBack(core, conversation, line.message);
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
    if (await act({ save_attachment: { conversation, message: line.message, path } }) === null) off();
  }, [core, act, conversation]);
  return useCallback((line: Line) => { void save(line); }, [save]);
}
