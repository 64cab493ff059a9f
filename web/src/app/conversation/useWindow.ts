/**
 * The lines of the window of a conversation that is drawn, and how it moves.
 *
 * Always holds: a line that is in the window before and after it moved, and says the same, is the same object. A window
 * that moves is made ready beside what is shown, in pieces, so that scrolling waits for none; what changes in a window that
 * stays is shown at once.
 */
import { startTransition, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { MessageId } from "../../core/types";
import { keptOf } from "../state/alike";
import { useCore } from "../state/context";
import type { Keyed, Line } from "../state/face";
import { type Ask, endsOf, isNewest, isSame, LIMIT, newer, NEWEST, older, type Place, placeWith, settled, without } from "./window";

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
  const { before, after } = place;
  const view = useMemo(() => ({ timeline: { conversation, limit: LIMIT, ...endsOf({ ...(before !== undefined && { before }), ...(after !== undefined && { after }) }) } }), [conversation, before, after]);
  const ask = useCallback<Ask>((from, limit) => core.ask<"timeline">({ timeline: { conversation, limit, ...from } }), [core, conversation]);
  const at = useRef(place);
  useEffect(() => { at.current = place; }, [place]);
  const drawn = useRef<Place>(undefined);
  useEffect(() => { drawn.current = had?.place; }, [had]);
  const lines = useMemo(() => had?.rows.map(({ row }) => row), [had]);
  const seen = useRef(lines);
  useEffect(() => { seen.current = lines; }, [lines]);
  useEffect(() => core.list<"timeline">(
    view,
    (rows) => {
      const place = at.current;
      const show = (): void => { setHad((was) => ({ place, rows: keptOf(was?.rows ?? [], rows) })); };
      if (drawn.current === undefined || isSame(drawn.current, place)) show();
      else startTransition(show);
    },
    (failure) => { if (failure.code === "not_found") setPlace((now) => without(now, seen.current ?? [])); },
  ), [core, view]);
  // A window that came to an end of the conversation is drawn from there.
  useEffect(() => {
    if (had === undefined || had.rows.length >= LIMIT || isNewest(had.place)) return;
    let gone = false;
    settled(had.place, had.rows.map(({ row }) => row), ask).then((better) => {
      if (!gone) setPlace((now) => (isSame(now, had.place) ? better : now));
    }, () => undefined);
    return () => { gone = true; };
  }, [had, ask]);
  const moves = had === undefined || !isSame(had.place, place);
  // A step is from the window that is drawn: one that is on its way elsewhere makes none.
  const step = useCallback((by: typeof older) => {
    setPlace((now) => (had !== undefined && isSame(now, had.place) ? by(now, had.rows.map(({ row }) => row)) : now));
  }, [had]);
  const goOlder = useCallback(() => { step(older); }, [step]);
  const goNewer = useCallback(() => { step(newer); }, [step]);
  const goNewest = useCallback(() => { setPlace(NEWEST); }, []);
  const goTo = useCallback((message: MessageId) => placeWith(message, ask).then((found) => {
    setPlace(found);
    return true;
  }, () => false), [ask]);
  return { lines, newest: isNewest(place), moves, goOlder, goNewer, goNewest, goTo };
}
