/** What every field has: a label, help, and an error that says what to do, all tied to the control. */
import { CircleAlert } from "lucide-react";
import { type ReactNode, useId } from "react";
import { classes } from "../basics/classes";
import { Icon } from "../basics/Icon";
import { useSpeech } from "../words/context";
import styles from "./field.module.css";

export interface FieldWords {
  readonly label: string;
  /** Whether the label is only for who can not see the rest; so in a search. */
  readonly labelHidden?: boolean | undefined;
  readonly help?: string | undefined;
  /** What is wrong, and what to do. */
  readonly error?: string | undefined;
  readonly optional?: boolean | undefined;
}

/** What ties a control to its words. */
export interface Ties {
  readonly id: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": true | undefined;
}

export interface FieldProps extends FieldWords {
  /** At the end of the help's line: a count. */
  readonly aside?: ReactNode;
  readonly children: (ties: Ties) => ReactNode;
}

export function Field({ label, labelHidden, help, error, optional, aside, children }: FieldProps) {
  const { words } = useSpeech();
  const id = useId();
  const said = error ?? help;
  return (
    <div className={styles.field}>
      <label htmlFor={id} className={classes(styles.label, labelHidden && "sr-only")}>
        {label}
        {optional === true && <span className={styles.optional}> ({words.optional})</span>}
      </label>
      {children({
        id,
        "aria-describedby": said === undefined ? undefined : `${id}-said`,
        "aria-invalid": error === undefined ? undefined : true,
      })}
      {(said !== undefined || aside !== undefined) && (
        <div className={styles.under}>
          {said !== undefined && (
            <span id={`${id}-said`} className={classes(styles.said, error !== undefined && styles.error)}>
              {error !== undefined && <Icon of={CircleAlert} size={1} />}
              <span>{said}</span>
            </span>
          )}
          {aside}
        </div>
      )}
    </div>
  );
}
