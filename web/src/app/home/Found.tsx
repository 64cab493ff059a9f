/** What a search finds: conversations and people by name, then messages. */
import { useEffect, useState } from "react";
import type { FoundLine } from "../../core/types";
import { folded } from "../../ui/fields/Combobox";
import { NothingFound } from "../../ui/feedback/Drawings";
import { Banner, EmptyState, Skeleton } from "../../ui/feedback/Feedback";
import { ConversationRow } from "../../ui/timeline/ConversationRow";
import { useSpeech } from "../../ui/words/context";
import { useCore, useNameOf, useNow, useShared } from "../state/context";
import { codeOf } from "../state/face";
import { go } from "../state/route";
import styles from "./home.module.css";
import { named, useConversationsTitle, useRowOf, useTitleOf } from "./lists";
import { marked, type Run } from "./marked";
import { Roving } from "./Roving";
import { PersonRow } from "../people/PersonRow";

const LINES_MAX = 60;
const NAMES_MAX = 12;
const nobody: ReadonlyMap<number, readonly string[]> = new Map();

export interface FoundLines {
  /** Undefined while they are looked for, or where that failed. */
  readonly lines?: readonly FoundLine[];
  /** Why they could not be looked for. */
  readonly code?: string;
}

/** Lines that have what is looked for. */
export function useFoundLines(query: string): FoundLines {
  const core = useCore();
  const [found, setFound] = useState<FoundLines>({});
  useEffect(() => {
    let gone = false;
    core.ask<"search">({ search: { query, limit: LINES_MAX } }).then((lines) => {
      if (!gone) setFound({ lines });
    }, (error: unknown) => { if (!gone) setFound({ code: codeOf(error) }); });
    return () => { gone = true; };
  }, [core, query]);
  return found;
}

export function Found({ query, onLeave }: { query: string; onLeave: () => void }) {
  const { words } = useSpeech();
  const { conversations, contacts } = useShared();
  const titleOf = useTitleOf();
  const rowOf = useRowOf(nobody);
  const now = useNow();
  const { lines, code } = useFoundLines(query);
  const chats = named(conversations ?? [], query, titleOf).slice(0, NAMES_MAX);
  const shown = new Set(chats.map((it) => it.peer));
  const wanted = folded(query.trim());
  const people = contacts.filter((it) => !shown.has(it.address) && (folded(it.name).includes(wanted) || it.number.includes(wanted))).slice(0, NAMES_MAX);
  if (lines === undefined && code === undefined && chats.length + people.length === 0) return <Skeleton rows={5} />;
  const none = code === undefined && chats.length + people.length + (lines?.length ?? 0) === 0;
  return (
    // Escape leads from what was found back to the field.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div onKeyDown={(event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      onLeave();
    }}>
      {code !== undefined && <div className={styles.banner}><Banner kind="bad">{words.told.failure(code)}</Banner></div>}
      {code === undefined && <p role="status" className="sr-only">{words.matches(chats.length + people.length + (lines?.length ?? 0))}</p>}
      {none && <div className={styles.empty}><EmptyState drawing={<NothingFound />} title={words.noMatch(query.trim())}>{words.home.noMatchAbout}</EmptyState></div>}
      {chats.length > 0 && (
        <>
          <h3 className={styles.part}>{words.home.chats}</h3>
          <Roving label={words.home.chats}>
            {chats.map((view) => (
              <li key={view.conversation} className={styles.row}>
                <ConversationRow {...rowOf(view)} nowMs={now} onOpen={() => { go({ at: "conversation", id: view.conversation }); }} />
              </li>
            ))}
          </Roving>
        </>
      )}
      {people.length > 0 && (
        <>
          <h3 className={styles.part}>{words.people.title}</h3>
          <Roving label={words.people.title}>
            {people.map((it) => <li key={it.address}><PersonRow person={{ id: it.address, name: it.name }} about={it.number} verified={it.verified} onOpen={() => { go({ at: "person", address: it.address }); }} /></li>)}
          </Roving>
        </>
      )}
      {lines !== undefined && lines.length > 0 && (
        <>
          <h3 className={styles.part}>{words.talk.messages}</h3>
          <Lines lines={lines} query={query} named />
        </>
      )}
    </div>
  );
}

/** Found lines; `named` where each says which conversation it stands in. */
export function Lines({ lines, query, named: names, onOpen }: { lines: readonly FoundLine[]; query: string; named: boolean; onOpen?: (line: FoundLine) => void }) {
  const { words, format } = useSpeech();
  const nameOf = useNameOf();
  const titleOf = useConversationsTitle();
  const now = useNow();
  return (
    <Roving label={words.talk.messages}>
      {lines.map((line) => (
        <li key={`${String(line.conversation)} ${line.item.message}`}>
          <button type="button" className={styles.found} onClick={() => {
            if (onOpen !== undefined) onOpen(line);
            else go({ at: "conversation", id: line.conversation, message: line.item.message });
          }}>
            <span className={styles.foundLine}>
              <bdi>{names ? titleOf(line.conversation) : nameOf(line.item.author)}</bdi>
              <time className={styles.foundTime}>{format.when(line.item.at_ms, now)}</time>
            </span>
            <span className={styles.foundText}>
              {names && <><bdi>{nameOf(line.item.author)}</bdi>: </>}
              <Marked runs={marked(line.item.text, query)} />
            </span>
          </button>
        </li>
      ))}
    </Roving>
  );
}

function Marked({ runs }: { runs: readonly Run[] }) {
  return <bdi>{runs.map(({ text, hit }, n) => (hit ? <mark key={n} className={styles.mark}>{text}</mark> : <span key={n}>{text}</span>))}</bdi>;
}
