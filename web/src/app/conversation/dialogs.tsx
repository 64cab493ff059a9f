/** What opens over a conversation: whom to forward to, who read, a reaction, a report, a doubtful link. */
import { useEffect, useState } from "react";
import type { InfoView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { EmojiPicker } from "../../ui/composer/EmojiPicker";
import { ProgressBar } from "../../ui/feedback/Feedback";
import { Checkbox } from "../../ui/fields/Choices";
import { SearchField, TextArea } from "../../ui/fields/TextField";
import { Dialog } from "../../ui/overlays/Dialog";
import { plainHostOf } from "../../ui/text/domains";
import { useSpeech } from "../../ui/words/context";
import { named, useTitleOf } from "../home/lists";
import { Roving } from "../home/Roving";
import { useAct, useCore, useHabits, useKept, useNameOf, useShared } from "../state/context";
import { codeOf, type Line } from "../state/face";
import { whoseOf } from "../state/photos";
import { useTell } from "../state/toasts";
import { speaksIn } from "./closed";
import styles from "./conversation.module.css";
import { reactionsOf } from "./lines";
import { PersonRow } from "../people/PersonRow";
import { PickBox } from "../people/PickBox";

/** At most so many at once: who spreads further may do it in two goes. */
const FORWARD_MAX = 5;

export function ForwardDialog({ conversation, lines, onClose }: { conversation: number; lines: readonly Line[]; onClose: () => void }) {
  const { words } = useSpeech();
  const act = useAct();
  const tell = useTell();
  const titleOf = useTitleOf();
  const { conversations } = useShared();
  const [query, setQuery] = useState("");
  const [to, setTo] = useState<ReadonlySet<number>>(new Set());
  const open = (conversations ?? []).filter((it) => speaksIn(it) && it.state === "active");
  const shown = query.trim() === "" ? open.slice(0, 40) : named(open, query, titleOf);
  const send = async (): Promise<void> => {
    onClose();
    let refused = false;
    for (const id of to) {
      for (const line of lines) refused = await act({ send: { to: { conversation: id }, what: { forward: { conversation, message: line.message } } } }) === null || refused;
    }
    // Why something was refused stands there already.
    if (!refused) tell(words.talk.forwarded(to.size));
  };
  return (
    <Dialog open onClose={onClose} title={words.talk.forwardTo} acts={<Button kind="lead" disabled={to.size === 0} onClick={() => { void send(); }}>{words.talk.forward}</Button>}>
      <SearchField label={words.search} value={query} onChange={setQuery} />
      <div className={styles.picks}>
        {shown.length > 0 && (
          <Roving label={words.home.chats}>
            {shown.map((view) => (
              <li key={view.conversation}>
                <PickBox
                  id={view.peer ?? String(view.conversation)}
                  group={view.kind === "group"}
                  whose={whoseOf(view)}
                  label={titleOf(view)}
                  checked={to.has(view.conversation)}
                  disabled={!to.has(view.conversation) && to.size >= FORWARD_MAX}
                  onChange={(on) => { setTo(new Set(on ? [...to, view.conversation] : [...to].filter((id) => id !== view.conversation))); }}
                />
              </li>
            ))}
          </Roving>
        )}
        {shown.length === 0 && <p className={styles.soft}>{words.noMatch(query)}</p>}
      </div>
    </Dialog>
  );
}

/** Who has a message, who read it, and who reacted. */
export function InfoDialog({ conversation, line, onClose }: { conversation: number; line: Line; onClose: () => void }) {
  const { words, format } = useSpeech();
  const core = useCore();
  const nameOf = useNameOf();
  const [info, setInfo] = useState<InfoView | { readonly code: string }>();
  useEffect(() => {
    core.ask<"info">({ info: { conversation, message: line.message } }).then(setInfo, (error: unknown) => { setInfo({ code: codeOf(error) }); });
  }, [core, conversation, line.message]);
  const people = info !== undefined && "people" in info ? info.people : [];
  const parts = [
    { title: words.talk.readByWhom, of: people.filter((it) => it.read) },
    { title: words.talk.deliveredTo, of: people.filter((it) => it.delivered && !it.read) },
    { title: words.talk.notYet, of: people.filter((it) => !it.delivered) },
  ];
  return (
    <Dialog open onClose={onClose} title={words.talk.info}>
      <p className={styles.said} dir="auto">{line.text === "" ? line.attachment?.file_name : line.text}</p>
      <p className={styles.soft}>{words.talk.saidAt(format.day(line.at_ms, Date.now()), format.time(line.at_ms))}</p>
      {info === undefined && <ProgressBar label={words.loading} share={null} />}
      {info !== undefined && "code" in info && <p>{words.told.failure(info.code)}</p>}
      {info !== undefined && "people" in info && people.length === 0 && <p className={styles.soft}>{words.talk.nobodyYet}</p>}
      {parts.filter(({ of }) => of.length > 0).map(({ title, of }) => (
        <section key={title}>
          <h3 className={styles.part}>{title}</h3>
          {of.map(({ address }) => <PersonRow key={address} person={{ id: address, name: nameOf(address) }} />)}
        </section>
      ))}
      {(line.reactions ?? []).length > 0 && (
        <section>
          <h3 className={styles.part}>{words.talk.reactions}</h3>
          {(line.reactions ?? []).map(({ author, emoji }) => <PersonRow key={`${author} ${emoji}`} person={{ id: author, name: nameOf(author) }} acts={<span>{emoji}</span>} />)}
        </section>
      )}
    </Dialog>
  );
}

const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

export function ReactDialog({ line, own, onClose, onPick }: { line: Line; own: string; onClose: () => void; onPick: (emoji: string) => void }) {
  const { words } = useSpeech();
  const kept = useKept();
  const habits = useHabits();
  const mine = reactionsOf(line, own).filter((it) => it.own).map((it) => it.emoji);
  const pick = (emoji: string): void => {
    kept.useEmoji(emoji);
    onPick(emoji);
    onClose();
  };
  return (
    <Dialog open shape="sheet" onClose={onClose} title={words.addReaction}>
      <div role="group" aria-label={words.recentEmoji} className={styles.quick}>
        {QUICK.map((emoji) => <button key={emoji} type="button" className={styles.quickOne} aria-pressed={mine.includes(emoji)} aria-label={emoji} onClick={() => { pick(emoji); }}>{emoji}</button>)}
      </div>
      <EmojiPicker recent={habits.recentEmoji} onPick={pick} />
    </Dialog>
  );
}

/** Reports lines of one person, or what they asked with, and may block them with it. */
export function ReportDialog({ address, lines, onClose }: { address: string; lines: readonly Line[]; onClose: () => void }) {
  const { words } = useSpeech();
  const act = useAct();
  const nameOf = useNameOf();
  const [reason, setReason] = useState("");
  const [blocks, setBlocks] = useState(true);
  const report = async (): Promise<void> => {
    onClose();
    const events = await act({ report: { address, messages: lines.map((line) => line.message), reason: reason.trim() } });
    if (events !== null && blocks) await act({ block: { address, blocked: true } });
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={words.people.reportTitle(nameOf(address))}
      acts={<><Button kind="plain" onClick={onClose}>{words.cancel}</Button><Button kind="bad" onClick={() => { void report(); }}>{words.report}</Button></>}
    >
      <div className={styles.preview}>
        <p>{words.people.reportAbout(lines.length)}</p>
        <TextArea label={words.people.reportReason} optional maxLength={1000} value={reason} onChange={setReason} />
        <Checkbox label={words.people.reportBlock} checked={blocks} onChange={setBlocks} />
      </div>
    </Dialog>
  );
}

/** An address that may not be what it looks like is followed only by who says so. */
export function LinkDialog({ href, onClose }: { href: string; onClose: () => void }) {
  const { words } = useSpeech();
  const host = plainHostOf(href);
  return (
    <Dialog
      open
      alerts
      onClose={onClose}
      title={words.suspiciousLink}
      acts={(
        <>
          <Button kind="bad" onClick={() => {
            window.open(href, "_blank", "noopener,noreferrer");
            onClose();
          }}>{words.talk.openAnyway}</Button>
          <Button kind="lead" onClick={onClose}>{words.cancel}</Button>
        </>
      )}
    >
      <div className={styles.preview}>
        <p>{words.talk.suspiciousAbout}</p>
        <p className={styles.said} dir="ltr">{href}</p>
        {host !== null && (
          <>
            <p>{words.talk.leadsTo}</p>
            <p className={styles.said} dir="ltr"><strong>{host}</strong></p>
          </>
        )}
      </div>
    </Dialog>
  );
}
