/**
 * Drawings for where nothing is, of the two leaves of the mark: one who speaks, one who listens.
 *
 * Always holds: in the theme's colours; they say nothing that the words beside them do not.
 */
import type { ReactNode } from "react";
import styles from "./drawings.module.css";

function Drawing({ children }: { children: ReactNode }) {
  return (
    <svg aria-hidden className={styles.drawing} viewBox="0 0 160 120">
      <ellipse className={styles.ground} cx="80" cy="108" rx="58" ry="7" />
      {children}
    </svg>
  );
}

/** No conversation yet: two leaves that lean to one another. */
export function NoConversations() {
  return (
    <Drawing>
      <path className={styles.lead} d="M56 22c19 0 32 13 32 32v32H56c-19 0-32-14-32-32s13-32 32-32z" />
      <path className={styles.call} d="M106 40c18 0 31 13 31 30s-13 30-31 30H76V70c0-17 13-30 30-30z" />
      <path className={styles.light} d="M40 48h30M40 62h18" />
      <path className={styles.dark} d="M93 64v5M118 64v5M97 82c5 5 13 5 18 0" />
    </Drawing>
  );
}

/** No message yet: a leaf that waits to be filled. */
export function NoMessages() {
  return (
    <Drawing>
      <path className={styles.soft} d="M46 30h52c16 0 28 12 28 27s-12 27-28 27H36c-5 0-10-5-10-10V50c0-11 9-20 20-20z" />
      <path className={styles.outline} d="M46 30h52c16 0 28 12 28 27s-12 27-28 27H36c-5 0-10-5-10-10V50c0-11 9-20 20-20z" />
      <circle className={styles.lead} cx="56" cy="57" r="5.500" />
      <circle className={styles.lead} cx="76" cy="57" r="5.500" />
      <circle className={styles.call} cx="96" cy="57" r="5.500" />
      <path className={styles.sparks} d="M130 22v12M124 28h12M20 92v8M16 96h8" />
    </Drawing>
  );
}

/** Nothing found: a glass over leaves. */
export function NothingFound() {
  return (
    <Drawing>
      <path className={styles.soft} d="M30 84V58c0-13 10-22 22-22s22 9 22 22-10 26-22 26z" />
      <circle className={styles.glass} cx="86" cy="54" r="29" />
      <path className={styles.handle} d="m107 76 20 21" />
      <path className={styles.shine} d="M68 50c2-8 8-14 17-15" />
      <path className={styles.sparks} d="M30 22v10M25 27h10" />
    </Drawing>
  );
}

/** No way to the server: a thread that came apart. */
export function NoConnection() {
  return (
    <Drawing>
      <path className={styles.lead} d="M14 48h28c11 0 18 8 18 18s-8 18-18 18H14z" />
      <path className={styles.call} d="M146 84h-28c-11 0-18-8-18-18s7-18 18-18h28z" />
      <path className={styles.thread} d="M60 66h9M91 66h9" />
      <path className={styles.sparks} d="M80 36v12M68 42l5 8M92 42l-5 8M80 96V84" />
    </Drawing>
  );
}

/** Something of ours broke: a leaf that fell. */
export function Broken() {
  return (
    <Drawing>
      <g transform="rotate(17 80 66)">
        <path className={styles.soft} d="M84 24c22 0 38 15 38 37s-16 37-38 37H46V61c0-22 16-37 38-37z" />
        <path className={styles.outline} d="M84 24c22 0 38 15 38 37s-16 37-38 37H46V61c0-22 16-37 38-37z" />
        <path className={styles.dark} d="M69 52l8 8M77 52l-8 8M92 52l8 8M100 52l-8 8M75 80c6-6 14-6 20 0" />
      </g>
    </Drawing>
  );
}
