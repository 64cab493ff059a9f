/** A choice of few, by the system's own list: on a phone it is the best there is. */
import { ChevronDown } from "lucide-react";
import { Icon } from "../basics/Icon";
import { Field, type FieldWords } from "./Field";
import styles from "./field.module.css";

export interface SelectProps<Value extends string> extends FieldWords {
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly label: string }[];
  readonly onChange: (value: Value) => void;
  readonly disabled?: boolean;
}

export function Select<Value extends string>({ value, options, onChange, disabled, ...words }: SelectProps<Value>) {
  return (
    <Field {...words}>
      {(ties) => (
        <div className={styles.box}>
          <select
            {...ties}
            className={styles.select}
            value={value}
            disabled={disabled}
            onChange={(event) => {
              const chosen = options.find((option) => option.value === event.target.value);
              if (chosen !== undefined) onChange(chosen.value);
            }}
          >
            {options.map((option) => (
              <option key={option.value} value={option.value}>{option.label}</option>
            ))}
          </select>
          <Icon of={ChevronDown} size={1} />
        </div>
      )}
    </Field>
  );
}
