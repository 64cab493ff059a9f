/**
 * A choice of many, by typing. Keys as in the ARIA Authoring Practices, 'Combobox with listbox'.
 *
 * Always holds: what is in the field is the choice, or goes back to it when one leaves.
 */
import { ChevronDown } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useId, useRef, useState } from "react";
import { classes } from "../basics/classes";
import { Icon } from "../basics/Icon";
import { Popover } from "../overlays/Popover";
import { useSpeech } from "../words/context";
import { Field, type FieldWords } from "./Field";
import styles from "./field.module.css";

export interface Choice {
  readonly value: string;
  readonly label: string;
  /** Also found by these. */
  readonly also?: string;
  readonly before?: ReactNode;
  readonly aside?: string;
}

export interface ComboboxProps extends FieldWords {
  readonly value: string | null;
  readonly choices: readonly Choice[];
  readonly onChange: (value: string) => void;
  readonly placeholder?: string;
  readonly disabled?: boolean;
}

/** Text without case and marks, as it is compared. */
export function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

/** What matches a query: what begins with it first, then what contains it, in the order given. */
export function matching(choices: readonly Choice[], query: string): readonly Choice[] {
  const wanted = folded(query.trim());
  if (wanted === "") return choices;
  const begins: Choice[] = [];
  const contains: Choice[] = [];
  for (const choice of choices) {
    const keys = [choice.label, ...(choice.also?.split(" ") ?? [])].map(folded);
    if (keys.some((key) => key.startsWith(wanted))) begins.push(choice);
    else if (keys.some((key) => key.includes(wanted))) contains.push(choice);
  }
  return [...begins, ...contains];
}

export function Combobox({ value, choices, onChange, placeholder, disabled, ...fieldWords }: ComboboxProps) {
  const { words } = useSpeech();
  const chosen = choices.find((choice) => choice.value === value);
  const [query, setQuery] = useState<string | null>(null);
  const [at, setAt] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const list = useId();
  const open = query !== null;
  const found = matching(choices, query ?? "");
  const close = useCallback(() => {
    setQuery(null);
  }, []);
  const active = open ? found[at] : undefined;
  useEffect(() => {
    if (active !== undefined) document.getElementById(`${list}-${active.value}`)?.scrollIntoView({ block: "nearest" });
  }, [active, list]);
  const choose = (choice: Choice | undefined): void => {
    if (choice !== undefined) onChange(choice.value);
    close();
  };
  const show = (): void => {
    setQuery("");
    setAt(Math.max(0, choices.findIndex((choice) => choice.value === value)));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!open) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp" || event.key === "Enter") {
        event.preventDefault();
        show();
      }
      return;
    }
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 8, PageUp: at - 8 };
    const to = steps[event.key];
    if (to !== undefined) {
      event.preventDefault();
      setAt(Math.max(0, Math.min(to, found.length - 1)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(active);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
  };
  return (
    <Field {...fieldWords}>
      {(ties) => (
        <>
          <div ref={box} className={styles.box}>
            {chosen?.before}
            <input
              {...ties}
              className={styles.input}
              role="combobox"
              aria-expanded={open}
              aria-controls={open ? list : undefined}
              aria-autocomplete="list"
              aria-activedescendant={active === undefined ? undefined : `${list}-${active.value}`}
              autoComplete="off"
              disabled={disabled}
              placeholder={open ? (chosen?.label ?? placeholder) : placeholder}
              value={query ?? chosen?.label ?? ""}
              onChange={(event) => {
                setQuery(event.target.value);
                setAt(0);
              }}
              onClick={() => {
                if (!open) show();
              }}
              onBlur={close}
              onKeyDown={onKeyDown}
            />
            {chosen?.aside !== undefined && !open && <bdi className={styles.optionAside} dir="ltr">{chosen.aside}</bdi>}
            <Icon of={ChevronDown} size={1} />
          </div>
          <span role="status" className="sr-only">{open ? words.matches(found.length) : ""}</span>
          <Popover open={open} onClose={close} anchor={box} label={fieldWords.label} role="presentation" bare fits>
            <div id={list} role="listbox" aria-label={fieldWords.label} className={styles.list}>
              {found.map((choice, n) => (
                // The keys are the field's: the focus never comes here.
                // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
                <div
                  key={choice.value}
                  id={`${list}-${choice.value}`}
                  role="option"
                  aria-selected={choice.value === value}
                  className={classes(styles.option, n === at && styles.active)}
                  onPointerDown={(event) => {
                    event.preventDefault();
                  }}
                  onClick={() => {
                    choose(choice);
                  }}
                >
                  {choice.before}
                  <span className={styles.optionMain}>{choice.label}</span>
                  {choice.aside !== undefined && <bdi className={styles.optionAside} dir="ltr">{choice.aside}</bdi>}
                </div>
              ))}
            </div>
            {found.length === 0 && <p className={styles.none}>{words.noMatch(query ?? "")}</p>}
          </Popover>
        </>
      )}
    </Field>
  );
}
