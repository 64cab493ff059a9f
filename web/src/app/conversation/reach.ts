/** How many of a group read the newest own message, where the core's lines do not tell. */
import { useEffect, useState } from "react";
import type { ConversationView } from "../../core/types";
import { useCore } from "../state/context";
import type { Line, Reach } from "../state/face";

export interface ReachOf extends Reach {
  readonly message: string;
}

export function useReach(view: ConversationView, lines: readonly Line[] | undefined): ReachOf | null {
  const core = useCore();
  const [reach, setReach] = useState<ReachOf | null>(null);
  const newest = view.kind === "group" ? lines?.findLast((line) => line.outgoing && !line.deleted && line.kind !== "notice" && line.seq !== null) : undefined;
  const message = newest?.progress === undefined ? newest?.message : undefined;
  const { conversation, read_seq } = view;
  useEffect(() => {
    if (message === undefined) return;
    let gone = false;
    core.ask<"info">({ info: { conversation, message } }).then(({ people }) => {
      if (!gone) setReach({ message, people: people.length, delivered: people.filter((it) => it.delivered).length, read: people.filter((it) => it.read).length });
    }, () => undefined);
    return () => { gone = true; };
  }, [core, conversation, message, read_seq, view.last_ms]);
  return reach;
}
