/**
 * Icons: lucide's, at the size of the text around them, and the ticks, which are our own.
 *
 * Always holds: an icon is never the only name of something; whoever shows it names it. What points
 * along the line of writing turns with it. Deliberately absent: icons by name; what is not imported
 * does not ship.
 */
import type { LucideIcon } from "lucide-react";
import { classes } from "./classes";
import styles from "./icon.module.css";

/** A picture for an act or a thing. */
export type Picture = LucideIcon;

export interface IconProps {
  readonly of: Picture;
  /** In rem; 1.25 unless told. */
  readonly size?: number;
  /** It points along the line: back, send, reply. */
  readonly turns?: boolean;
}

export function Icon({ of: Drawing, size = 1.25, turns = false }: IconProps) {
  return (
    <Drawing
      aria-hidden
      className={classes(styles.icon, turns && styles.turns)}
      strokeWidth={1.9}
      style={{ inlineSize: `${String(size)}rem`, blockSize: `${String(size)}rem` }}
    />
  );
}

/** How far a message of one's own got. */
export type Progress = "sending" | "sent" | "delivered" | "read" | "failed";

/** One tick, two ticks, two that are filled: read differs in shape, and not in colour alone. */
export function Ticks({ progress, label }: { progress: Progress; label: string }) {
  return (
    <svg className={classes(styles.ticks, styles[progress])} viewBox="0 0 20 12" role="img" aria-label={label}>
      {progress === "sending" && <path d="M10 2.2a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0 1.8v2.4l1.6 1" />}
      {progress === "sent" && <path d="m6 6.4 2.8 2.8L14.4 3" />}
      {progress === "delivered" && <path d="M3 6.4l2.8 2.8L11.400 3M9.400 8.700l.5.5L15.500 3" />}
      {progress === "read" && (
        <>
          <rect x="1" y="0.500" width="18" height="11" rx="5.500" />
          <path className={styles.cut} d="M4.500 6.300l2.300 2.300L11.300 3.400M9.700 8.200l.4.4L14.800 3.400" />
        </>
      )}
      {progress === "failed" && <path d="M10 2v5M10 9.800v.2" />}
    </svg>
  );
}
