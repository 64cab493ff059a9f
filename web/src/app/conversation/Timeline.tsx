/**
 * The lines of a conversation, the newest at the bottom.
 *
 * Always holds: at most one window of lines is in the page (`window.ts`); they are one stop of the keyboard: arrows go
 * from message to message, and Tab from a message to what can be done with it, and on.
 */
import { type FocusEvent, type KeyboardEvent, type ReactNode, type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Address, ConversationView } from "../../core/types";
import { Skeleton } from "../../ui/feedback/Feedback";
import { NoMessages } from "../../ui/feedback/Drawings";
import { EmptyState } from "../../ui/feedback/Feedback";
import { Screen } from "../../ui/frames/Frames";
import { DateDivider, ToNewest, TypingBubble, UnreadDivider } from "../../ui/timeline/Between";
import { useSpeech } from "../../ui/words/context";
import { isOfRow, stopAt } from "../home/stops";
import { useAct, useNow, usePhotoOf, useShared } from "../state/context";
import { useDrawn } from "../state/drawn";
import type { Line } from "../state/face";
import styles from "./conversation.module.css";
import { type Entry, entriesOf, type UnreadMark, unreadMark } from "./lines";
import { type LineActs, LineShown } from "./LineShown";
import { useReach } from "./reach";
import { useScroll } from "./useScroll";
import type { Window } from "./useWindow";

export interface TimelineProps {
  readonly view: ConversationView;
  readonly window: Window;
  /** Set once something was said here that is to be seen. */
  readonly wants: RefObject<boolean>;
  readonly acts: LineActs;
  readonly speaks: boolean;
  readonly typing: readonly Address[];
  /** A line to bring into view and to mark. */
  readonly picked: string | null;
  readonly selected: ReadonlySet<string> | null;
  readonly going: ReadonlySet<string>;
  readonly header: ReactNode;
  readonly foot: ReactNode;
}

const MARKED_MS = 2_500;

export function Timeline({ view, window, wants, acts, speaks, typing, picked, selected, going, header, foot }: TimelineProps) {
  const { words } = useSpeech();
  const { lines, newest, moves, goOlder, goNewer, goNewest } = window;
  const now = useNow();
  const mark = useUnreadMark(view.unread, newest ? lines : undefined);
  const entries = useMemo(() => entriesOf(lines ?? [], mark ?? null), [lines, mark]);
  const { scroller, content, atEnd, toEnd, toLine } = useScroll(entries, { newest, moves, onOlder: goOlder, onNewer: goNewer });
  const heard = useMemo(() => lines?.findLast((line) => !line.outgoing && line.kind !== "notice")?.message, [lines]);
  // What is unread and does not fit begins in view: where one stands is known once that was looked at.
  const from = mark?.from;
  const [placed, setPlaced] = useState<string>();
  useRead(view, newest && atEnd && lines !== undefined && mark !== undefined && placed === from, heard);
  // Once: who goes to the newest is not brought back.
  const began = useRef<string>(undefined);
  useEffect(() => {
    if (from === undefined || began.current === from) return;
    began.current = from;
    toLine(from, true);
    setPlaced(from);
  }, [from, toLine]);
  const marked = usePicked(picked, lines, moves, toLine);
  const reach = useReach(view, lines);
  const down = useCallback(() => {
    goNewest();
    toEnd();
  }, [goNewest, toEnd]);
  // What one says oneself is seen at once.
  const last = lines?.at(-1);
  const said = last?.outgoing === true ? last.message : null;
  useEffect(() => {
    if (!wants.current || said === null || !newest || moves) return;
    wants.current = false;
    toEnd();
  }, [wants, said, newest, moves, toEnd]);
  useDrawn("comity:bubble", newest && !moves ? said : null);
  const { names } = useShared();
  const faces = [usePhotoOf(typing[0]), usePhotoOf(typing[1]), usePhotoOf(typing[2])];
  const people = typing.map((id, n) => ({ id, name: names.get(id) ?? "", picture: faces[n] }));
  const empty = lines?.length === 0 && newest;
  const onFocus = useStop(content);
  return (
    <Screen label={words.timeline} on="ground" middle={scroller} header={header} foot={foot}>
      {/* The keys are those of the messages, which have the focus. */}
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions */}
      <div ref={content} className={styles.lines} onKeyDown={onArrow} onFocus={onFocus}>
        {lines === undefined && <Skeleton kind="messages" rows={7} />}
        {empty && <div className={styles.start}><EmptyState drawing={<NoMessages />} title={words.talk.empty}>{words.talk.emptyAbout(speaks ? view.kind : "closed")}</EmptyState></div>}
        {!empty && entries.map((entry) => (
          <EntryShown key={entry.key} entry={entry} now={now} group={view.kind === "group"} speaks={speaks} acts={acts} marked={marked} selected={selected} going={going} reach={reach} />
        ))}
        {newest && people.length > 0 && <TypingBubble people={people} />}
      </div>
      {!(atEnd && newest) && lines !== undefined && (
        <div className={styles.toNewest}><ToNewest unread={view.unread} onPress={down} /></div>
      )}
    </Screen>
  );
}

interface EntryProps extends Pick<TimelineProps, "acts" | "speaks" | "selected" | "going"> {
  readonly entry: Entry;
  readonly now: number;
  readonly group: boolean;
  readonly marked: string | null;
  readonly reach: ReturnType<typeof useReach>;
}

function EntryShown({ entry, now, group, speaks, acts, marked, selected, going, reach }: EntryProps) {
  if (entry.kind === "day") return <DateDivider timeMs={entry.ms} nowMs={now} />;
  if (entry.kind === "unread") return <UnreadDivider count={entry.count} />;
  const { line, place } = entry;
  return (
    <div data-line={entry.key} tabIndex={-1} className={styles.line}>
      <LineShown
        line={line}
        place={place}
        group={group}
        speaks={speaks}
        acts={acts}
        picked={marked === line.message}
        selected={selected === null ? null : selected.has(line.message)}
        going={going.has(line.message)}
        reach={line.progress ?? (reach?.message === line.message ? reach : null)}
        nowMs={now}
      />
    </div>
  );
}

function rowsOf(content: HTMLElement | null): readonly HTMLElement[] {
  return [...(content?.querySelectorAll<HTMLElement>("[data-line]") ?? [])];
}

/** The message where the focus was last is where Tab stops; at first, the newest. What is returned hears of the focus. */
function useStop(content: RefObject<HTMLDivElement | null>): (event: FocusEvent<HTMLElement>) => void {
  const last = useRef<string>(undefined);
  const put = useCallback(() => {
    const rows = rowsOf(content.current);
    stopAt(rows, rows.find((row) => row.dataset.line === last.current) ?? rows.at(-1), true);
  }, [content]);
  // Lines come and go, and so does what can be done with them: a file that came can be played.
  useEffect(() => {
    const it = content.current;
    if (it === null) return;
    put();
    const changes = new MutationObserver(put);
    changes.observe(it, { childList: true, subtree: true });
    return () => { changes.disconnect(); };
  }, [content, put]);
  return useCallback((event: FocusEvent<HTMLElement>) => {
    if (!isOfRow(event.target, event.currentTarget)) return;
    const row = event.target.closest<HTMLElement>("[data-line]");
    if (row === null || row.dataset.line === last.current) return;
    last.current = row.dataset.line;
    put();
  }, [put]);
}

/** Up and down go from message to message, wherever in one the focus is; while some are selected, from box to box. */
function onArrow(event: KeyboardEvent<HTMLDivElement>): void {
  const target = event.target as HTMLElement;
  if (target.closest("[role=menu], [role=slider], input:not([type=checkbox]), textarea, dialog") !== null) return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-line]")];
  const at = all.findIndex((it) => it.contains(target));
  const to = { ArrowUp: at - 1, ArrowDown: at + 1 }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  const next = all[Math.max(0, Math.min(to, all.length - 1))];
  (next?.querySelector<HTMLElement>("input[type=checkbox]") ?? next)?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

/** Where the unread began when the conversation was opened: it stays there while one reads. Undefined before it is known. */
function useUnreadMark(unread: number, lines: readonly Line[] | undefined): UnreadMark | null | undefined {
  const [mark, setMark] = useState<{ readonly it: UnreadMark | null }>();
  const had = useRef(false);
  useEffect(() => {
    if (had.current || lines === undefined) return;
    had.current = true;
    setMark({ it: unreadMark(lines, unread) });
  }, [lines, unread]);
  return mark?.it;
}

/**
 * What is in view, while somebody looks, is read. The words of a request are never unread, but read
 * they are: so the newest line that was heard is told once, too.
 */
function useRead(view: ConversationView, seen: boolean, heard: string | undefined): void {
  const act = useAct();
  const { conversation, unread } = view;
  const [looks, setLooks] = useState(() => document.visibilityState === "visible");
  useEffect(() => {
    const look = (): void => { setLooks(document.visibilityState === "visible"); };
    document.addEventListener("visibilitychange", look);
    return () => { document.removeEventListener("visibilitychange", look); };
  }, []);
  const told = useRef<string>(undefined);
  useEffect(() => {
    if (!seen || !looks || (unread === 0 && told.current === heard)) return;
    told.current = heard;
    void act({ mark_read: { conversation } });
  }, [act, conversation, seen, looks, unread, heard]);
}

/** Brings a line into view once it is drawn, and marks it for a while. */
function usePicked(picked: string | null, lines: readonly Line[] | undefined, moves: boolean, toLine: (key: string) => boolean): string | null {
  const [marked, setMarked] = useState<string | null>(null);
  const done = useRef<string | null>(null);
  useEffect(() => {
    if (picked === null) done.current = null;
    if (picked === null || moves || done.current === picked || !toLine(picked.split(" ")[0] ?? "")) return;
    done.current = picked;
    setMarked(picked.split(" ")[0] ?? null);
    const timer = setTimeout(() => { setMarked(null); }, MARKED_MS);
    return () => { clearTimeout(timer); };
  }, [picked, lines, moves, toLine]);
  return marked;
}
