/** The lines of the window of a conversation that is drawn, and how it moves. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { MessageId } from "../../core/types";
import { useCore } from "../state/context";
import type { Keyed, Line } from "../state/face";
import { endOf, LIMIT, newer, NEWEST, older, type Place, placeWith, without } from "./window";

export interface Window {
  /** Oldest first; undefined before they are there. */
  readonly lines: readonly Line[] | undefined;
  /** The window ends with the newest line. */
  readonly newest: boolean;
  /** It moves, and waits for its lines. */
  readonly moves: boolean;
  readonly goOlder: () => void;
  readonly goNewer: () => void;
  readonly goNewest: () => void;
  /** False where the line is not in the conversation. */
  readonly goTo: (message: MessageId) => Promise<boolean>;
}

interface Had {
  readonly place: Place;
  readonly rows: readonly Keyed<Line>[];
}

export function useWindow(conversation: number): Window {
  const core = useCore();
  const [place, setPlace] = useState<Place>(NEWEST);
  const [had, setHad] = useState<Had>();
  const end = endOf(place);
  const view = useMemo(() => ({ timeline: { conversation, limit: LIMIT, ...(end !== undefined && { before: end }) } }), [conversation, end]);
  const at = useRef(place);
  useEffect(() => { at.current = place; }, [place]);
  useEffect(() => core.list<"timeline">(
    view,
    (rows) => { setHad({ place: at.current, rows }); },
    (failure) => { if (failure.code === "not_found") setPlace(without); },
  ), [core, view]);
  const lines = useMemo(() => had?.rows.map(({ row }) => row), [had]);
  const moves = had === undefined || endOf(had.place) !== end;
  const goOlder = useCallback(() => { setPlace((now) => older(now, lines ?? [])); }, [lines]);
  const goNewer = useCallback(() => { setPlace(newer); }, []);
  const goNewest = useCallback(() => { setPlace((now) => ({ ...now, at: 0 })); }, []);
  const goTo = useCallback(async (message: MessageId) => {
    const found = await placeWith(message, (before, limit) => core.ask<"timeline">({ timeline: { conversation, limit, ...(before !== undefined && { before }) } }));
    if (found !== null) setPlace(found);
    return found !== null;
  }, [core, conversation]);
  return { lines, newest: end === undefined, moves, goOlder, goNewer, goNewest, goTo };
}
