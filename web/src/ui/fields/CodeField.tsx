/**
 * A code of digits, each with its box.
 *
 * Always holds: a pasted or offered code fills all boxes; digits of any script become 0 to 9.
 */
import { CircleAlert } from "lucide-react";
import { useId, useRef } from "react";
import { classes } from "../basics/classes";
import { Icon } from "../basics/Icon";
import { useSpeech } from "../words/context";
import styles from "./field.module.css";

/** The digits in `text`, whatever script they are in. */
export function digitsOf(text: string): string {
  return [...text.matchAll(/\p{Nd}/gu)]
    .map(([digit]) => {
      const at = digit.codePointAt(0) ?? 0;
      // Unicode keeps the ten digits of a script together; runs of several sets are whole tens.
      let run = 0;
      while (/^\p{Nd}$/u.test(String.fromCodePoint(at - run - 1))) run += 1;
      return String(run % 10);
    })
    .join("");
}

export interface CodeFieldProps {
  readonly label: string;
  readonly length?: number;
  /** The digits so far. */
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error?: string;
  readonly disabled?: boolean;
}

export function CodeField({ label, length = 6, value, onChange, error, disabled }: CodeFieldProps) {
  const { words } = useSpeech();
  const id = useId();
  const row = useRef<HTMLDivElement>(null);
  const focus = (at: number): void => {
    row.current?.querySelectorAll("input")[Math.max(0, Math.min(at, length - 1))]?.focus();
  };
  const put = (at: number, typed: string): void => {
    const digits = digitsOf(typed).slice(0, length);
    const from = digits.length > 1 ? 0 : Math.min(at, value.length);
    onChange((value.slice(0, from) + digits + value.slice(from + digits.length)).slice(0, length));
    focus(from + digits.length);
  };
  return (
    <div className={styles.field} role="group" aria-labelledby={id} aria-describedby={error === undefined ? undefined : `${id}-said`}>
      <span id={id} className={styles.label}>{label}</span>
      {/* Digits stand from left to right in every language. */}
      <div ref={row} className={styles.code} dir="ltr">
        {Array.from({ length }, (_, at) => (
          <input
            key={at}
            className={styles.digit}
            aria-label={words.digitOf(at + 1, length)}
            aria-invalid={error === undefined ? undefined : true}
            inputMode="numeric"
            autoComplete={at === 0 ? "one-time-code" : "off"}
            disabled={disabled}
            value={value[at] ?? ""}
            onFocus={(event) => {
              event.target.select();
            }}
            onChange={(event) => {
              const typed = event.target.value;
              const had = value[at] ?? "";
              // Typed beside what stands there, it replaces it.
              put(at, typed.length === 2 && had !== "" ? typed.replace(had, "") : typed);
            }}
            onKeyDown={(event) => {
              if (event.key === "Backspace") {
                event.preventDefault();
                const gone = at < value.length ? at : value.length - 1;
                onChange(value.slice(0, Math.max(0, gone)) + value.slice(gone + 1));
                focus(gone);
              } else if (event.key === "ArrowLeft") focus(at - 1);
              else if (event.key === "ArrowRight") focus(at + 1);
            }}
          />
        ))}
      </div>
      {error !== undefined && (
        <div className={styles.under}>
          <span id={`${id}-said`} role="alert" className={classes(styles.said, styles.error)}>
            <Icon of={CircleAlert} size={1} />
            <span>{error}</span>
          </span>
        </div>
      )}
    </div>
  );
}
