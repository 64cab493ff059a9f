/** A count or a word of state, small. */
import type { ReactNode } from "react";
import { classes } from "../basics/classes";
import styles from "./feedback.module.css";

export interface BadgeProps {
  readonly kind?: "lead" | "call" | "soft" | "quiet" | "good" | "bad";
  /** What it means, where its text alone does not say. */
  readonly label?: string;
  readonly children: ReactNode;
}

export function Badge({ kind = "lead", label, children }: BadgeProps) {
  const names = { lead: styles.lead, call: styles.call, soft: styles.soft, quiet: styles.quiet, good: styles.good, bad: styles.bad };
  return (
    <span className={classes(styles.badge, names[kind])}>
      {label === undefined ? children : (
        <>
          <span aria-hidden>{children}</span>
          <span className="sr-only">{label}</span>
        </>
      )}
    </span>
  );
}
