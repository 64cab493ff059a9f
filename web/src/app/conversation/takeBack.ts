/**
 * Takes messages back from everyone, with a way to think better of it.
 *
 * Always holds: they go when the toast goes, when one leaves the conversation, or when the page is
 * hidden; nothing is asked of the core before, and no way back is offered after. What the core refuses to take back
 * stands there as it was.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { useSpeech } from "../../ui/words/context";
import { useAct } from "../state/context";
import type { Line } from "../state/face";
import { useTell } from "../state/toasts";

export interface TakeBack {
  readonly going: ReadonlySet<string>;
  readonly go: (lines: readonly Line[]) => void;
}

export function useTakeBack(conversation: number): TakeBack {
  const act = useAct();
  const tell = useTell();
  const { words } = useSpeech();
  const [going, setGoing] = useState<ReadonlySet<string>>(new Set());
  const waiting = useRef(new Set<string>());
  const commit = useCallback((messages: readonly string[]) => {
    for (const target of messages) {
      // Once each, whatever comes first.
      if (!waiting.current.delete(target)) continue;
      void act({ send: { to: { conversation }, what: { delete: { target } } } }).then((done) => {
        if (done === null) setGoing((was) => new Set([...was].filter((it) => it !== target)));
      });
    }
  }, [act, conversation]);
  const untell = useRef<() => void>(undefined);
  useEffect(() => {
    const all = (): void => { commit([...waiting.current]); };
    window.addEventListener("pagehide", all);
    return () => {
      window.removeEventListener("pagehide", all);
      all();
      untell.current?.();
    };
  }, [commit]);
  const go = useCallback((lines: readonly Line[]) => {
    const messages = lines.map((line) => line.message);
    for (const message of messages) waiting.current.add(message);
    setGoing((was) => new Set([...was, ...messages]));
    untell.current = tell(words.talk.takenBack(messages.length), {
      onGone: () => { commit(messages); },
      onUndo: () => {
        for (const message of messages) waiting.current.delete(message);
        setGoing((was) => new Set([...was].filter((it) => !messages.includes(it))));
      },
    });
  }, [tell, words, commit]);
  return { going, go };
}
