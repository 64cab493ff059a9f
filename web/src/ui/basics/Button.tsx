/** Buttons: with words, and with an icon alone. A button that waits keeps its place and its width. */
import { type ButtonHTMLAttributes, type ReactNode, type Ref, useId } from "react";
import { Tooltip } from "../overlays/Tooltip";
import { useSpeech } from "../words/context";
import styles from "./button.module.css";
import { classes } from "./classes";
import { Icon, type Picture } from "./Icon";

type Native = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "className" | "children" | "type">;

export interface ButtonProps extends Native {
  readonly children: ReactNode;
  /** `lead` once in a view, for what most people came for; `bad` for what destroys. */
  readonly kind?: "lead" | "soft" | "plain" | "bad";
  readonly size?: "small" | "normal";
  readonly icon?: Picture;
  /** As wide as there is room. */
  readonly wide?: boolean;
  /** Its act is under way: it says so, and does nothing more. */
  readonly waits?: boolean;
  readonly submits?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button(props: ButtonProps) {
  const { children, kind = "soft", size = "normal", icon, wide, waits, submits, onClick, ref, ...native } = props;
  const { words } = useSpeech();
  return (
    <button
      {...native}
      ref={ref}
      type={submits === true ? "submit" : "button"}
      aria-disabled={waits === true ? true : undefined}
      onClick={(event) => {
        if (waits === true) event.preventDefault();
        else onClick?.(event);
      }}
      className={classes(styles.button, styles[kind], size === "small" && styles.small, wide && styles.wide)}
    >
      <span className={classes(styles.content, waits && styles.waiting)}>
        {icon !== undefined && <Icon of={icon} size={size === "small" ? 1 : 1.2} />}
        <span>{children}</span>
      </span>
      {waits === true && <span className={styles.spinner} role="status" aria-label={words.loading} />}
    </button>
  );
}

export interface IconButtonProps extends Native {
  /** What it does: its name, and the tip that shows when one rests on it. */
  readonly label: string;
  readonly icon: Picture;
  readonly turns?: boolean;
  readonly kind?: "plain" | "lead" | "soft" | "bad";
  /** Whether it is on, where it is a switch. */
  readonly pressed?: boolean;
  readonly small?: boolean;
  readonly submits?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function IconButton(props: IconButtonProps) {
  const { label, icon, turns = false, kind = "plain", pressed, small, submits, ref, ...native } = props;
  const id = useId();
  return (
    <Tooltip text={label} for={id}>
      <button
        id={id}
        {...native}
        ref={ref}
        type={submits === true ? "submit" : "button"}
        aria-label={label}
        aria-pressed={pressed}
        className={classes(styles.round, styles[kind === "plain" ? "ghost" : kind], small && styles.roundSmall)}
      >
        <Icon of={icon} turns={turns} size={small === true ? 1.125 : 1.375} />
      </button>
    </Tooltip>
  );
}
