/** A search within a conversation. */
import { X } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { IconButton } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { SearchField } from "../../ui/fields/TextField";
import { useSpeech } from "../../ui/words/context";
import { Lines, useFoundLines } from "../home/Found";
import styles from "./conversation.module.css";

export interface FinderProps {
  readonly conversation: number;
  readonly onOpen: (message: string) => void;
  readonly onLeave: () => void;
}

export function Finder({ conversation, onOpen, onLeave }: FinderProps) {
  const { words } = useSpeech();
  const [query, setQuery] = useState("");
  const looked = useDeferredValue(query.trim());
  return (
    <search className={styles.finder} onKeyDown={(event) => {
      // The field empties itself first; from what was found one comes back to it.
      if (event.key !== "Escape" || event.defaultPrevented || event.nativeEvent.isComposing) return;
      event.preventDefault();
      if (query === "") onLeave();
      else {
        setQuery("");
        event.currentTarget.querySelector("input")?.focus();
      }
    }}>
      <div className={styles.finderField}>
        <SearchField focuses label={words.talk.find} value={query} onChange={setQuery} />
        <IconButton icon={X} label={words.close} onClick={onLeave} />
      </div>
      {looked !== "" && <FoundHere conversation={conversation} query={looked} onOpen={onOpen} />}
    </search>
  );
}

function FoundHere({ conversation, query, onOpen }: { conversation: number; query: string; onOpen: (message: string) => void }) {
  const { words } = useSpeech();
  const found = useFoundLines(query);
  if (found.code !== undefined) return <Banner kind="bad">{words.told.failure(found.code)}</Banner>;
  const lines = found.lines?.filter((line) => line.conversation === conversation);
  if (lines === undefined) return null;
  return (
    <>
      <p role="status" className={lines.length === 0 ? styles.finderNone : "sr-only"}>{lines.length === 0 ? words.noMatch(query) : words.matches(lines.length)}</p>
      {/* It scrolls: so it takes the focus (WCAG 2.1.1), by its rows. */}
      <div className={styles.finderLines}><Lines lines={lines} query={query} named={false} onOpen={(line) => { onOpen(line.item.message); }} /></div>
    </>
  );
}
