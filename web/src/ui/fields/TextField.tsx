/** Fields for a line, for many lines, and for a search. */
import { Eye, EyeOff, Search, X } from "lucide-react";
import { type HTMLInputTypeAttribute, type InputHTMLAttributes, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { IconButton } from "../basics/Button";
import { classes } from "../basics/classes";
import { Icon, type Picture } from "../basics/Icon";
import { useSpeech } from "../words/context";
import { Field, type FieldWords } from "./Field";
import styles from "./field.module.css";

export interface TextFieldProps extends FieldWords {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly type?: Extract<HTMLInputTypeAttribute, "text" | "tel" | "email" | "url" | "number" | "password">;
  readonly icon?: Picture;
  readonly placeholder?: string;
  readonly disabled?: boolean;
  readonly autoComplete?: InputHTMLAttributes<HTMLInputElement>["autoComplete"];
  /** UTF-16 units. */
  readonly maxLength?: number;
}

export function TextField(props: TextFieldProps) {
  const { value, onChange, type = "text", icon, placeholder, disabled, autoComplete, maxLength, ...words } = props;
  const { words: say } = useSpeech();
  const [shown, setShown] = useState(false);
  // Numbers and addresses are written from left to right in every language.
  const ltr = type === "tel" || type === "email" || type === "url";
  return (
    <Field {...words}>
      {(ties) => (
        <div className={styles.box}>
          {icon !== undefined && <Icon of={icon} />}
          <input
            {...ties}
            className={styles.input}
            type={type === "password" && shown ? "text" : type}
            dir={value === "" ? undefined : ltr ? "ltr" : "auto"}
            value={value}
            placeholder={placeholder}
            disabled={disabled}
            autoComplete={autoComplete}
            maxLength={maxLength}
            onChange={(event) => {
              onChange(event.target.value);
            }}
          />
          {type === "password" && (
            <span className={styles.end}>
              <IconButton
                small
                icon={shown ? EyeOff : Eye}
                label={shown ? say.hidePassphrase : say.showPassphrase}
                disabled={disabled}
                onClick={() => {
                  setShown(!shown);
                }}
              />
            </span>
          )}
        </div>
      )}
    </Field>
  );
}

export interface TextAreaProps extends FieldWords {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder?: string;
  readonly disabled?: boolean;
  /** UTF-16 units; what is left is told when it is little. */
  readonly maxLength?: number;
}

/** A field of lines, which grows with what is written. */
export function TextArea({ value, onChange, placeholder, disabled, maxLength, ...words }: TextAreaProps) {
  const { words: say } = useSpeech();
  const left = maxLength === undefined ? undefined : maxLength - value.length;
  const tells = left !== undefined && maxLength !== undefined && left < maxLength / 5;
  return (
    <Field {...words} aside={tells ? <span role="status">{say.charactersLeft(left)}</span> : undefined}>
      {(ties) => (
        <div className={styles.box}>
          <textarea
            {...ties}
            className={classes(styles.input, styles.area)}
            dir={value === "" ? undefined : "auto"}
            value={value}
            placeholder={placeholder}
            disabled={disabled}
            maxLength={maxLength}
            onChange={(event) => {
              onChange(event.target.value);
            }}
          />
        </div>
      )}
    </Field>
  );
}

export interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** It was opened to be written into: it takes the focus, and gives it back when it goes. */
  readonly focuses?: boolean;
}

export function SearchField({ label, value, onChange, focuses = false }: SearchFieldProps) {
  const { words } = useSpeech();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!focuses) return;
    const before = document.activeElement;
    input.current?.focus();
    return () => {
      // Who went on to elsewhere stays there.
      if (document.activeElement === document.body && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, [focuses]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return;
    // What is looked for is found while one types: Enter sends no form that it stands in.
    if (event.key === "Enter") event.preventDefault();
    // Empty, the key is for what it stands in: the dialog, the search in a conversation.
    if (event.key !== "Escape" || value === "") return;
    event.preventDefault();
    onChange("");
  };
  return (
    <Field label={label} labelHidden>
      {(ties) => (
        <div className={classes(styles.box, styles.search)}>
          <Icon of={Search} />
          <input
            {...ties}
            ref={input}
            className={styles.input}
            type="search"
            dir={value === "" ? undefined : "auto"}
            autoComplete="off"
            enterKeyHint="search"
            placeholder={label}
            value={value}
            onKeyDown={onKeyDown}
            onChange={(event) => {
              onChange(event.target.value);
            }}
          />
          {value !== "" && (
            <span className={styles.end}>
              <IconButton
                small
                icon={X}
                label={words.clear}
                onClick={() => {
                  onChange("");
                  input.current?.focus();
                }}
              />
            </span>
          )}
        </div>
      )}
    </Field>
  );
}
