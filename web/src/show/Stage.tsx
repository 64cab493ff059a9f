/** How the page shows: a part with its states, each with a caption. */
import type { ReactNode } from "react";
import styles from "./show.module.css";

/** A part of the page: its deep link is `#id`. */
export interface Part {
  readonly id: string;
  readonly title: string;
  readonly group: string;
  readonly Show: () => ReactNode;
}

export interface StateProps {
  readonly name: string;
  /** As wide as a phone; else as wide as its content. */
  readonly phone?: boolean;
  readonly wide?: boolean;
  /** On the ground that messages lie on. */
  readonly ground?: boolean;
  readonly children: ReactNode;
}

export function State({ name, phone, wide, ground, children }: StateProps) {
  const style = [styles.state, phone === true ? styles.phone : "", wide === true ? styles.wide : "", ground === true ? styles.onGround : ""].join(" ");
  return (
    <figure className={style}>
      <figcaption className={styles.caption} lang="en" dir="ltr">{name}</figcaption>
      <div className={styles.held}>{children}</div>
    </figure>
  );
}
