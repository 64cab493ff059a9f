/**
 * Emoji to pick: by group, by search, and those used of late.
 *
 * Always holds: the grid is one stop of the keyboard, arrows go through it; only what is near is in
 * the page (`content-visibility`).
 */
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { SearchField } from "../fields/TextField";
import { useSpeech } from "../words/context";
import { EMOJI_GROUPS, type EmojiGroup, type EmojiTable, emojiTable, findEmoji, GROUP_SIGNS } from "./emoji";
import styles from "./emojiPicker.module.css";

const FOUND_MAX = 120;

export interface EmojiPickerProps {
  readonly recent: readonly string[];
  readonly onPick: (emoji: string) => void;
}

interface Section {
  readonly name: string;
  readonly emoji: readonly { readonly emoji: string; readonly name: string }[];
}

export function EmojiPicker({ recent, onPick }: EmojiPickerProps) {
  const { words, language } = useSpeech();
  const [table, setTable] = useState<EmojiTable>();
  const [group, setGroup] = useState<EmojiGroup>("smileys");
  const [query, setQuery] = useState("");
  useEffect(() => {
    let gone = false;
    void emojiTable(language).then((loaded) => {
      if (!gone) setTable(loaded);
    });
    return () => {
      gone = true;
    };
  }, [language]);
  const sections = useMemo((): readonly Section[] => {
    if (table === undefined) return [];
    if (query.trim() !== "") return [{ name: words.search, emoji: findEmoji(table, query, FOUND_MAX) }];
    const names = new Map([...table.values()].flat().map((it) => [it.emoji, it.name]));
    const used = recent.map((emoji) => ({ emoji, name: names.get(emoji) ?? emoji }));
    const chosen = { name: words.emojiGroups[group], emoji: table.get(group) ?? [] };
    return used.length > 0 && group === "smileys" ? [{ name: words.recentEmoji, emoji: used }, chosen] : [chosen];
  }, [table, query, group, recent, words]);
  return (
    <div className={styles.picker}>
      <SearchField label={words.searchEmoji} value={query} onChange={setQuery} />
      <div role="group" aria-label={words.emoji} className={styles.groups}>
        {EMOJI_GROUPS.map((it) => (
          <button
            key={it}
            type="button"
            aria-label={words.emojiGroups[it]}
            aria-pressed={it === group && query === ""}
            className={styles.group}
            onClick={() => {
              setGroup(it);
              setQuery("");
            }}
          >
            {GROUP_SIGNS[it]}
          </button>
        ))}
      </div>
      {table === undefined ? <div role="status" aria-label={words.loading} className={styles.scroll} /> : (
        <Grid sections={sections} none={words.noMatch(query)} onPick={onPick} />
      )}
    </div>
  );
}

function Grid({ sections, none, onPick }: { sections: readonly Section[]; none: string; onPick: (emoji: string) => void }) {
  const grid = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    const all = [...(grid.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const rtl = getComputedStyle(event.currentTarget).direction === "rtl";
    const columns = columnsOf(all, at);
    const steps: Record<string, number> = {
      [rtl ? "ArrowLeft" : "ArrowRight"]: 1,
      [rtl ? "ArrowRight" : "ArrowLeft"]: -1,
      ArrowDown: columns,
      ArrowUp: -columns,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    all[Math.max(0, Math.min(at + step, all.length - 1))]?.focus();
  };
  const first = sections.flatMap((section) => section.emoji)[0];
  return (
    <div ref={grid} role="toolbar" tabIndex={-1} aria-orientation="horizontal" aria-label={sections[0]?.name} className={styles.scroll} onKeyDown={onKeyDown}>
      {first === undefined && <p className={styles.none}>{none}</p>}
      {first !== undefined && sections.map((section, s) => (
        <section key={section.name}>
          <h3 className={styles.title}>{section.name}</h3>
          <div className={styles.grid}>
            {section.emoji.map(({ emoji, name }, n) => (
              <button key={emoji} type="button" tabIndex={s === 0 && n === 0 ? 0 : -1} aria-label={name} title={name} className={styles.emoji} onClick={() => { onPick(emoji); }}>
                {emoji}
              </button>
            ))}
          </div>
        </section>
      ))}
    </div>
  );
}

/** How many stand in the line of the one at `at`. */
function columnsOf(all: readonly HTMLElement[], at: number): number {
  const top = all[at]?.offsetTop;
  return Math.max(1, all.filter((it) => it.offsetTop === top).length);
}
