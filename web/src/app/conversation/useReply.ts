/**
 * Which line is answered by what is being written.
 *
 * Always holds: it is part of the draft, and comes back with it; a line that is not here any more is no
 * longer answered.
 */
import { useCallback, useEffect, useMemo, useState } from "react";
import type { ConversationView, MessageId } from "../../core/types";
import { useCore, useDrafts } from "../state/context";
import type { Line } from "../state/face";

export interface Reply {
  /** What is answered; known before its line is there. */
  readonly message: MessageId | undefined;
  readonly line: Line | null;
  readonly set: (line: Line | null) => void;
}

export function useReply(view: ConversationView): Reply {
  const core = useCore();
  const drafts = useDrafts();
  const { conversation } = view;
  const [message, setMessage] = useState(() => drafts.of(view)?.quote);
  const [line, setLine] = useState<Line | null>(null);
  const set = useCallback((to: Line | null) => {
    setMessage(to?.message);
    setLine(to);
  }, []);
  const missing = message !== undefined && line === null ? message : undefined;
  useEffect(() => {
    if (missing === undefined) return;
    let gone = false;
    core.ask<"item">({ item: { conversation, message: missing } }).then((found) => {
      if (!gone) set(found?.deleted === false ? found : null);
    }, () => undefined);
    return () => { gone = true; };
  }, [core, conversation, missing, set]);
  return useMemo(() => ({ message, line, set }), [message, line, set]);
}
