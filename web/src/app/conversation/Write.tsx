/**
 * Writing into a conversation: text with its draft, mentions, files, voice.
 *
 * Always holds: what was written is given up only when the core has stored it; where it refuses, the
 * text is there again. What is typed stands there at once, and nothing that the core says later changes it.
 */
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import type { ConversationView, Event as CoreEvent, Look, Named, Say } from "../../core/types";
import { Composer } from "../../ui/composer/Composer";
import { Avatar } from "../../ui/people/Avatar";
import { useSpeech } from "../../ui/words/context";
import { useAct, useCore, useDrafts, useGive, useHabits, useNameOf, usePhotoOf } from "../state/context";
import { draftOf } from "../state/drafts";
import type { Line } from "../state/face";
import { hold } from "../state/files";
import { NO_LOOK } from "../state/pictures";
import { useTell } from "../state/toasts";
import styles from "./conversation.module.css";
import { completed, mentionedIn, mentionsIn, offered, typedMention } from "./mentions";
import type { Ready } from "./Preview";
import { useRecording } from "./record";
import { saidIn } from "./said";
import type { Reply } from "./useReply";

export interface WriteProps {
  readonly view: ConversationView;
  readonly reply: Reply;
  /** The message that is changed. */
  readonly edited: Line | null;
  readonly onLeaveEdit: () => void;
  readonly onFiles: (files: readonly File[]) => void;
  /** Something was said: where one reads what is older, one comes to the newest. */
  readonly onSaid: () => void;
  readonly closed: string | null;
}

const TYPING_EVERY_MS = 4_000;

/** The message that an act said, by what the core told of it. */
export function messageIn(events: readonly CoreEvent[] | null): string | undefined {
  const told = events?.find((event) => event.event === "item");
  return told?.event === "item" ? told.item.message : undefined;
}

/**
 * Says the files that were looked over, the caption with the first that goes. Resolves with all of them where none
 * could be kept, and with none where one is on its way: what became of the others was said.
 */
export function useSendFiles(conversation: number): (files: readonly Ready[], caption: string, quote?: string) => Promise<readonly Ready[]> {
  const give = useGive();
  const act = useAct();
  return useCallback(async (files, caption, quote) => {
    let first = true;
    for (const { file, look } of files) {
      const path = await give(file);
      if (path === null) continue;
      const say: Say = {
        to: { conversation },
        what: { file: { path, file_name: file.name, media_type: file.type === "" ? "application/octet-stream" : file.type, size: file.size, caption: first ? caption : "", look } },
        ...(first && quote !== undefined && { quote }),
      };
      const events = await act({ send: say });
      if (events === null) continue;
      first = false;
      const message = messageIn(events);
      if (message !== undefined) hold(message, file);
    }
    return first ? files : [];
  }, [give, act, conversation]);
}

export function Write({ view, reply, edited, onLeaveEdit, onFiles, onSaid, closed }: WriteProps) {
  const { conversation, kind } = view;
  const act = useAct();
  const drafts = useDrafts();
  const habits = useHabits();
  const tell = useTell();
  const nameOf = useNameOf();
  const { words } = useSpeech();
  const [text, setText] = useState(() => drafts.of(view)?.text ?? "");
  /** What is being written, while a message is changed, too. */
  const begun = useRef(text);
  const [chosen, setChosen] = useState<readonly Named[]>([]);
  const files = useRef<HTMLInputElement>(null);
  const send = useSendFiles(conversation);
  const types = useTypingTold(conversation, kind !== "self");
  const recording = useRecording(useCallback((file: File, durationMs: number) => {
    const look: Look = { ...NO_LOOK, voice: true, duration_ms: Math.round(durationMs) };
    void send([{ id: file.name, file, look }], "");
    onSaid();
  }, [send, onSaid]), useCallback((code: string) => { tell(words.told.failure(code)); }, [tell, words]));
  // The text of the message that is changed takes the place of the draft, which comes back after it.
  const [editing, setEditing] = useState<string | null>(null);
  if ((edited?.message ?? null) !== editing) {
    setEditing(edited?.message ?? null);
    setText(edited?.text ?? begun.current);
  }
  const now = useRef(view);
  useEffect(() => { now.current = view; }, [view]);
  const quote = reply.message;
  useEffect(() => { drafts.set(now.current, draftOf(begun.current, quote)); }, [drafts, quote]);
  useEffect(() => () => { drafts.keep(conversation); }, [drafts, conversation]);
  const write = (to: string): void => {
    setText(to);
    if (edited === null) {
      begun.current = to;
      drafts.set(view, draftOf(to, quote));
    }
    types(to !== "");
  };
  const say = async (): Promise<void> => {
    const said = text.trim();
    if (said === "") return;
    types(false);
    if (edited !== null) {
      const mentions = mentionsIn(said, [...chosen, ...mentionedIn(edited)]);
      const changed = await act({ send: { to: { conversation }, what: { edit: { target: edited.message, text: said } }, ...(mentions.length > 0 && { mentions: [...mentions] }) } });
      if (changed !== null) onLeaveEdit();
      return;
    }
    setText("");
    begun.current = "";
    setChosen([]);
    const mentions = mentionsIn(said, chosen);
    const answered = reply.line;
    const sent = act({ send: { to: { conversation }, what: { text: said }, ...(quote !== undefined && { quote }), ...(mentions.length > 0 && { mentions: [...mentions] }) } });
    onSaid();
    // What is said is no draft any more: told right behind it.
    reply.set(null);
    drafts.set(view, null);
    drafts.keep(conversation);
    // Refused, it is there again, where nothing else was begun meanwhile.
    if (await sent !== null || begun.current !== "") return;
    begun.current = text;
    setText(text);
    setChosen(chosen);
    reply.set(answered);
    drafts.set(now.current, draftOf(text, answered?.message));
  };
  const answered = reply.line;
  const heading =
    edited !== null ? { kind: "edit" as const, text: edited.text }
    : answered !== null ? { kind: "reply" as const, name: nameOf(answered.author), text: saidIn(answered, words) }
    : undefined;
  return (
    <Offers conversation={conversation} group={kind === "group"} text={text} onChoose={(name, to, caret) => {
      setChosen((was) => [...was.filter((it) => it.address !== name.address), name]);
      write(to);
      requestAnimationFrame(() => { areaOf(document.activeElement)?.setSelectionRange(caret, caret); });
    }}>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        aria-label={words.attach}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      <Composer
        text={text}
        onText={write}
        onSend={() => { void say(); }}
        onLeaveAbout={() => {
          if (edited !== null) onLeaveEdit();
          else reply.set(null);
        }}
        onAttach={() => { files.current?.click(); }}
        onPasteFiles={onFiles}
        onRecord={recording.start}
        onStop={recording.stop}
        recentEmoji={habits.recentEmoji}
        {...(heading !== undefined && { about: heading })}
        {...(recording.now !== null && { recording: recording.now })}
        {...(closed !== null && { closed })}
      />
    </Offers>
  );
}

function OfferedFace({ of }: { of: Named }) {
  const picture = usePhotoOf(of.address);
  return <Avatar id={of.address} name={of.name} picture={picture} size={2} />;
}

function areaOf(element: Element | null): HTMLTextAreaElement | null {
  return element instanceof HTMLTextAreaElement ? element : null;
}

interface OffersProps {
  readonly conversation: number;
  readonly group: boolean;
  readonly text: string;
  readonly onChoose: (name: Named, text: string, caret: number) => void;
  readonly children: ReactNode;
}

/** Whom an `@` could mean, over the field; the keys are the field's. */
function Offers({ conversation, group, text, onChoose, children }: OffersProps) {
  const core = useCore();
  const { words } = useSpeech();
  const [people, setPeople] = useState<readonly Named[]>([]);
  const [caret, setCaret] = useState(0);
  const [at, setAt] = useState(0);
  const [left, setLeft] = useState<number | null>(null);
  useEffect(() => {
    let gone = false;
    if (group) core.ask<"mentionable">({ mentionable: conversation }).then((all) => { if (!gone) setPeople(all); }, () => undefined);
    return () => { gone = true; };
  }, [core, conversation, group]);
  const typed = group ? typedMention(text, Math.min(caret, text.length)) : null;
  const found = typed === null || typed.start === left ? [] : offered(people, typed.query);
  const active = found[Math.min(at, found.length - 1)];
  const choose = (name: Named | undefined): void => {
    if (name === undefined || typed === null) return;
    const to = completed(text, typed, caret, name.name);
    setCaret(to.caret);
    onChoose(name, to.text, to.caret);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (active === undefined || event.nativeEvent.isComposing || areaOf(event.target as Element) === null) return;
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1 + found.length };
    const to = steps[event.key];
    if (to !== undefined) setAt(to % found.length);
    else if (event.key === "Enter" || event.key === "Tab") choose(active);
    else if (event.key === "Escape") setLeft(typed?.start ?? null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    // The keys are heard on their way to the field.
    <div
      onKeyDownCapture={onKeyDown}
      onSelect={(event) => {
        setCaret(areaOf(event.target as Element)?.selectionStart ?? 0);
        setAt(0);
      }}
    >
      <span role="status" className="sr-only">{found.length > 0 && active !== undefined ? words.talk.offers(active.name, found.length) : ""}</span>
      {found.length > 0 && (
        <div role="listbox" aria-label={words.talk.mention} className={styles.offers}>
          {found.map((it) => (
            // The keys are the field's: the focus never comes here.
            // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
            <div key={it.address} role="option" aria-selected={it === active} className={styles.offer} onPointerDown={(event) => { event.preventDefault(); }} onClick={() => { choose(it); }}>
              <OfferedFace of={it} />
              <bdi>{it.name}</bdi>
            </div>
          ))}
        </div>
      )}
      {children}
    </div>
  );
}

/** Tells the others that one types: at most so often, and once when it ends. */
function useTypingTold(conversation: number, tells: boolean): (on: boolean) => void {
  const core = useCore();
  const last = useRef(0);
  const stop = useCallback(() => {
    if (last.current === 0) return;
    last.current = 0;
    core.act({ typing: { conversation, typing: false } }).catch(() => undefined);
  }, [core, conversation]);
  useEffect(() => stop, [stop]);
  return useCallback((on: boolean) => {
    if (!tells) return;
    if (!on) {
      stop();
      return;
    }
    const now = performance.now();
    if (last.current !== 0 && now - last.current < TYPING_EVERY_MS) return;
    last.current = now;
    core.act({ typing: { conversation, typing: true } }).catch(() => undefined);
  }, [core, conversation, tells, stop]);
}
