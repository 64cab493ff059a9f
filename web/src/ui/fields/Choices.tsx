/** Yes or no, one of a few, several of a few: switch, checkbox, radio, segments, tabs. */
import { Check } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";
import { classes } from "../basics/classes";
import { Icon } from "../basics/Icon";
import { Apart } from "../text/Apart";
import styles from "./choices.module.css";

export interface ToggleProps {
  readonly label: string;
  readonly help?: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
}

/** Takes effect at once. */
export function Switch({ label, help, checked, onChange, disabled }: ToggleProps) {
  const id = useId();
  return (
    <label className={classes(styles.row, styles.rowSwitch)}>
      <span className={styles.words}>
        <span>{label}</span>
        {help !== undefined && <span id={id} className={styles.help}>{help}</span>}
      </span>
      <input
        type="checkbox"
        role="switch"
        className={styles.native}
        aria-label={label}
        aria-describedby={help === undefined ? undefined : id}
        checked={checked}
        disabled={disabled}
        onChange={(event) => {
          onChange(event.target.checked);
        }}
      />
      <span aria-hidden className={styles.switch} />
    </label>
  );
}

export interface CheckboxProps extends ToggleProps {
  /** Some of what it stands for, not all. */
  readonly some?: boolean;
  /** A picture of what is chosen. */
  readonly face?: ReactNode;
}

/** Takes effect with the form that it stands in. */
export function Checkbox({ label, help, checked, onChange, disabled, some = false, face }: CheckboxProps) {
  const id = useId();
  return (
    <label className={classes(styles.row, face !== undefined && styles.rowFace)}>
      <input
        type="checkbox"
        className={styles.native}
        aria-label={label}
        aria-describedby={help === undefined ? undefined : id}
        ref={(it) => {
          if (it !== null) it.indeterminate = some;
        }}
        checked={checked}
        disabled={disabled}
        onChange={(event) => {
          onChange(event.target.checked);
        }}
      />
      <span aria-hidden className={styles.box}>
        {some ? <span className={styles.dash} /> : <Icon of={Check} size={1} />}
      </span>
      {face !== undefined && <span aria-hidden>{face}</span>}
      <span className={styles.words}>
        <Apart text={label} />
        {help !== undefined && <span id={id} className={styles.help}><Apart text={help} /></span>}
      </span>
    </label>
  );
}

export interface Option<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly help?: string;
  readonly disabled?: boolean;
}

export interface OptionsProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly Option<Value>[];
  readonly onChange: (value: Value) => void;
}

/** One of a few, each with its words. */
export function RadioGroup<Value extends string>({ label, value, options, onChange }: OptionsProps<Value>) {
  const name = useId();
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>{label}</legend>
      {options.map((option) => (
        <label key={option.value} className={styles.row}>
          <input
            type="radio"
            className={styles.native}
            name={name}
            aria-label={option.label}
            aria-describedby={option.help === undefined ? undefined : `${name}-${option.value}`}
            checked={option.value === value}
            disabled={option.disabled}
            onChange={() => {
              onChange(option.value);
            }}
          />
          <span aria-hidden className={styles.dot} />
          <span className={styles.words}>
            <span>{option.label}</span>
            {option.help !== undefined && <span id={`${name}-${option.value}`} className={styles.help}>{option.help}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** One of two to four, side by side. */
export function Segmented<Value extends string>({ label, value, options, onChange }: OptionsProps<Value>) {
  const name = useId();
  return (
    <fieldset className={styles.segments}>
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label key={option.value} className={styles.segment}>
          <input
            type="radio"
            className={styles.native}
            name={name}
            checked={option.value === value}
            disabled={option.disabled}
            onChange={() => {
              onChange(option.value);
            }}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

export interface TabsProps<Value extends string> extends OptionsProps<Value> {
  /** What the chosen tab shows. */
  readonly children: ReactNode;
}

/** Views of one thing. Arrows go from tab to tab, in the direction of writing. */
export function Tabs<Value extends string>({ label, value, options, onChange, children }: TabsProps<Value>) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    const rtl = getComputedStyle(event.currentTarget).direction === "rtl";
    const at = options.findIndex((option) => option.value === value);
    const forward = rtl ? "ArrowLeft" : "ArrowRight";
    const backward = rtl ? "ArrowRight" : "ArrowLeft";
    const steps: Record<string, number> = { [forward]: at + 1, [backward]: at - 1, Home: 0, End: options.length - 1 };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = options[(to + options.length) % options.length];
    if (next === undefined) return;
    onChange(next.value);
    list.current?.querySelector<HTMLElement>(`[data-value="${CSS.escape(next.value)}"]`)?.focus();
  };
  return (
    <div>
      <div ref={list} role="tablist" tabIndex={-1} aria-label={label} className={styles.tabs} onKeyDown={onKeyDown}>
        {options.map((option) => (
          <button
            key={option.value}
            type="button"
            role="tab"
            id={`${id}-${option.value}`}
            data-value={option.value}
            aria-selected={option.value === value}
            aria-controls={`${id}-panel`}
            tabIndex={option.value === value ? 0 : -1}
            className={styles.tab}
            onClick={() => {
              onChange(option.value);
            }}
          >
            {option.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${value}`} className={styles.panel}>
        {children}
      </div>
    </div>
  );
}
