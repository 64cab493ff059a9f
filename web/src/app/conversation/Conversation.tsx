/** A conversation: its head, its lines, where one writes, and what opens over it. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Address, ConversationView } from "../../core/types";
import { Skeleton } from "../../ui/feedback/Feedback";
import { Screen } from "../../ui/frames/Frames";
import { useSpeech } from "../../ui/words/context";
import { useAct, useClock, useConversation, useKeep, useNameOf, useShared } from "../state/context";
import type { Line } from "../state/face";
import { go, goInvited } from "../state/route";
import { useTell } from "../state/toasts";
import { ownInvitation } from "../groups/invitation";
import { AboveWriting, closedWord, speaksIn, takesBackIn, Unblock } from "./closed";
import styles from "./conversation.module.css";
import { ForwardDialog, InfoDialog, LinkDialog, ReactDialog, ReportDialog } from "./dialogs";
import { Finder } from "./Finder";
import { Head, SelectHead } from "./Head";
import { allowed } from "./lines";
import type { LineActs } from "./LineShown";
import { isFocusLost, type Mode, useEscape } from "./modes";
import { Preview } from "./Preview";
import { Timeline } from "./Timeline";
import { useTakeBack } from "./takeBack";
import { useSave } from "./useSave";
import { useWindow } from "./useWindow";
import { Viewer } from "./Viewer";
import { useReply } from "./useReply";
import { useSendFiles, Write } from "./Write";

export interface ConversationProps {
  readonly id: number;
  /** A line to come to. */
  readonly message?: string;
  readonly typing: readonly Address[];
}

export function Conversation({ id, message, typing }: ConversationProps) {
  const { words } = useSpeech();
  const { conversations } = useShared();
  const view = useConversation(id);
  const keep = useKeep();
  // Who opens it looks again, as they wanted to; what they mark while it is open stays marked.
  const opened = useRef(false);
  useEffect(() => {
    if (view === undefined || opened.current) return;
    opened.current = true;
    if (view.marked_unread) void keep(id, { marked_unread: false });
  }, [keep, id, view]);
  if (view !== undefined) return <Shown view={view} typing={typing} {...(message !== undefined && { message })} />;
  if (conversations !== undefined) return <Screen label={words.timeline} on="ground" header={<Head view={null} typing={[]} />}><p className={styles.finderNone}>{words.talk.noSuch}</p></Screen>;
  return <Screen label={words.timeline} on="ground" header={<Head view={null} typing={[]} />}><Skeleton kind="messages" rows={6} /></Screen>;
}

type Over =
  | { readonly is: "forward" | "report"; readonly lines: readonly Line[] }
  | { readonly is: "info" | "react" | "view"; readonly line: Line }
  | { readonly is: "link"; readonly href: string }
  | { readonly is: "files"; readonly files: readonly File[]; readonly caption: string };

function Shown({ view, message, typing }: { view: ConversationView; message?: string; typing: readonly Address[] }) {
  const id = view.conversation;
  const { words } = useSpeech();
  const act = useAct();
  const tell = useTell();
  const nameOf = useNameOf();
  const clock = useClock();
  const { account, contacts } = useShared();
  const own = account?.address ?? "";
  const window = useWindow(id);
  const reply = useReply(view);
  const [edited, setEdited] = useState<Line | null>(null);
  const [over, setOver] = useState<Over | null>(null);
  const [selected, setSelected] = useState<ReadonlyMap<string, Line> | null>(null);
  const [finds, setFinds] = useState(false);
  const [picked, setPicked] = useState<string | null>(null);
  const [drops, setDrops] = useState(false);
  const takeBack = useTakeBack(id);
  const save = useSave(id);
  const send = useSendFiles(id);
  const jumps = useRef(0);
  const screen = useRef<HTMLDivElement>(null);
  const findButton = useRef<HTMLButtonElement>(null);
  const begunAt = useSelecting(screen, selected !== null, over !== null);
  const { goTo: move, goNewest } = window;
  const { set: answer } = reply;
  /** Something was said here: it is to be seen. */
  const wants = useRef(false);
  const said = useCallback(() => {
    wants.current = true;
    goNewest();
  }, [goNewest]);
  const goTo = useCallback((target: string) => {
    void move(target).then((found) => {
      if (!found) tell(words.talk.notHere);
      jumps.current += 1;
      setPicked(found ? `${target} ${String(jumps.current)}` : null);
    });
  }, [move, tell, words]);
  useEffect(() => { if (message !== undefined) goTo(message); }, [message, goTo]);
  const mayTakeBack = takesBackIn(view);
  const acts = useMemo<LineActs>(() => ({
    own,
    conversation: id,
    nameOf,
    clock,
    goTo,
    reply: (line) => {
      setEdited(null);
      answer(line);
      focusWriting();
    },
    edit: (line) => { setEdited(line); focusWriting(); },
    takeBack: mayTakeBack ? takeBack.go : undefined,
    react: (line, emoji) => {
      const had = line.reactions?.some((it) => it.author === own && it.emoji === emoji) === true;
      void act({ send: { to: { conversation: id }, what: { react: { target: line.message, emoji: had ? "" : emoji } } } });
    },
    pickReaction: (line) => { setOver({ is: "react", line }); },
    forward: (lines) => { setOver({ is: "forward", lines }); },
    report: (lines) => { setOver({ is: "report", lines }); },
    info: (line) => { setOver({ is: "info", line }); },
    view: (line) => { setOver({ is: "view", line }); },
    copy: (lines) => { void navigator.clipboard.writeText(lines.map((line) => line.text).join("\n")).then(() => { tell(words.talk.copied); }); },
    retry: (line) => { void act({ retry: { conversation: id, message: line.message } }); },
    save,
    select: (line) => {
      begunAt.current ??= line.message;
      setSelected((was) => {
        const now = new Map(was ?? []);
        if (!now.delete(line.message)) now.set(line.message, line);
        return now;
      });
    },
    person: (address) => { if (address !== own) go({ at: "person", address }); },
    verify: (address) => { go({ at: "safety", address }); },
    suspicious: (href) => { setOver({ is: "link", href }); },
    follow: (line, href) => {
      const invitation = ownInvitation(href, location.origin);
      if (invitation === undefined) return false;
      goInvited(invitation, line.author);
      return true;
    },
  }), [own, id, nameOf, clock, goTo, mayTakeBack, takeBack.go, act, tell, words, save, answer, begunAt]);
  const contact = contacts.find((it) => it.address === view.peer);
  const closed = closedWord(view, words);
  const speaks = speaksIn(view);
  const close = useCallback(() => { setOver(null); }, []);
  const leaveEdit = useCallback(() => { setEdited(null); }, []);
  const modes: Readonly<Record<Mode, (() => void) | false>> = {
    select: selected !== null && (() => { setSelected(null); }),
    find: finds && (() => { setFinds(false); }),
    edit: edited !== null && leaveEdit,
    reply: reply.line !== null && (() => { answer(null); }),
  };
  useEscape(screen, MODES.filter((mode) => modes[mode] !== false), (mode) => {
    const leave = modes[mode];
    if (leave !== false) leave();
  });
  // The search gives the focus back to its button; while lines were selected, that was another one.
  const found = useRef(false);
  useEffect(() => {
    const ends = found.current && !finds;
    found.current = finds;
    if (ends && isFocusLost()) findButton.current?.focus({ preventScroll: true });
  }, [finds]);
  const take = (files: readonly File[]): void => { if (files.length > 0 && speaks) setOver({ is: "files", files, caption: "" }); };
  const chosen = [...(selected?.values() ?? [])];
  const now = clock();
  const header = (
    <>
      {selected !== null ? (
        <SelectHead
          lines={chosen}
          onLeave={() => { setSelected(null); }}
          {...(chosen.length > 0 && chosen.every((line) => allowed(line, now).forward) && { onForward: () => { acts.forward(chosen); setSelected(null); } })}
          {...(mayTakeBack && chosen.length > 0 && chosen.every((line) => allowed(line, now).takeBack) && { onTakeBack: () => { takeBack.go(chosen); setSelected(null); } })}
          {...(chosen.some((line) => line.text !== "") && { onCopy: () => { acts.copy(chosen); setSelected(null); } })}
        />
      ) : <Head view={view} typing={typing} findButton={findButton} onFind={() => { setFinds(!finds); }} />}
      {finds && <Finder conversation={id} onOpen={goTo} onLeave={() => { setFinds(false); }} />}
      <AboveWriting view={view} contact={contact} />
    </>
  );
  return (
    // Files may be dropped on it; who can not drop has the button.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      ref={screen}
      className={styles.screen}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setDrops(true);
      }}
      onDragLeave={(event) => { if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDrops(false); }}
      onDrop={(event) => {
        event.preventDefault();
        setDrops(false);
        take([...event.dataTransfer.files]);
      }}
    >
      <Timeline
        view={view}
        window={window}
        wants={wants}
        acts={acts}
        speaks={speaks}
        typing={typing}
        picked={picked}
        selected={selected === null ? null : new Set(selected.keys())}
        going={takeBack.going}
        header={header}
        foot={view.blocked && view.peer !== null ? <Unblock address={view.peer} /> : <Write view={view} reply={reply} edited={edited} onLeaveEdit={leaveEdit} onFiles={take} onSaid={said} closed={closed} />}
      />
      {drops && speaks && <div className={styles.drop}>{words.talk.dropHere}</div>}
      {over?.is === "forward" && <ForwardDialog conversation={id} lines={over.lines} onClose={close} />}
      {over?.is === "report" && <ReportDialog address={over.lines[0]?.author ?? ""} lines={over.lines} onClose={close} />}
      {over?.is === "info" && <InfoDialog conversation={id} line={over.line} onClose={close} />}
      {over?.is === "react" && <ReactDialog line={over.line} own={own} onClose={close} onPick={(emoji) => { acts.react(over.line, emoji); }} />}
      {over?.is === "view" && <Viewer conversation={id} line={over.line} onClose={close} />}
      {over?.is === "link" && <LinkDialog href={over.href} onClose={close} />}
      {over?.is === "files" && (
        <Preview
          files={over.files}
          said={over.caption}
          onClose={close}
          onSend={(files, caption) => {
            close();
            const quote = reply.line;
            answer(null);
            said();
            void send(files, caption, quote?.message).then((left) => {
              if (left.length === 0) return;
              // What could not be kept is there again, with its words.
              answer(quote);
              setOver((now) => now ?? { is: "files", files: left.map(({ file }) => file), caption });
            });
          }}
        />
      )}
    </div>
  );
}

const MODES: readonly Mode[] = ["select", "find", "edit", "reply"];

/**
 * Where the focus is while lines are selected: at the line with which it begins, and when it ends, there again, at what
 * can be done with it. What is returned holds that line.
 */
function useSelecting(screen: RefObject<HTMLElement | null>, selecting: boolean, covered: boolean): RefObject<string | null> {
  const begunAt = useRef<string | null>(null);
  useLayoutEffect(() => {
    const key = begunAt.current;
    if (key === null || covered) return;
    if (!selecting) begunAt.current = null;
    // Who is elsewhere stays there: in the search, or where one writes.
    if (!isFocusLost()) return;
    const line = screen.current?.querySelector<HTMLElement>(`[data-line="${CSS.escape(key)}"]`) ?? [...screen.current?.querySelectorAll<HTMLElement>("[data-line]") ?? []].at(-1);
    const to = line?.querySelector<HTMLElement>(selecting ? "input[type=checkbox]" : "button[aria-haspopup=menu]") ?? line;
    to?.focus({ preventScroll: true });
    // Who came by the keyboard sees where they are; what others look at stays.
    if (to?.matches(":focus-visible") === true) line?.scrollIntoView({ block: "nearest" });
  }, [screen, selecting, covered]);
  return begunAt;
}

/** To where one writes: after its menu gave the focus back. */
function focusWriting(): void {
  requestAnimationFrame(() => { document.querySelector<HTMLElement>("textarea")?.focus(); });
}

