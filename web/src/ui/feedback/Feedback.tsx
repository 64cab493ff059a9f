/** How things stand: banners, progress, what is still to come, what is empty, what went wrong. */
import { CircleCheck, Info, OctagonAlert, RotateCw, TriangleAlert, X } from "lucide-react";
import type { ReactNode } from "react";
import { Button, IconButton } from "../basics/Button";
import { classes } from "../basics/classes";
import { Icon } from "../basics/Icon";
import { useSpeech } from "../words/context";
import styles from "./feedback.module.css";

export interface BannerProps {
  readonly kind: "information" | "good" | "caution" | "bad";
  readonly children: ReactNode;
  readonly acts?: ReactNode;
  readonly onClose?: () => void;
}

const BANNERS = {
  information: { icon: Info, style: styles.told },
  good: { icon: CircleCheck, style: styles.goodSoft },
  caution: { icon: TriangleAlert, style: styles.callSoft },
  bad: { icon: OctagonAlert, style: styles.badSoft },
};

/** Stays until what it says is over. */
export function Banner({ kind, children, acts, onClose }: BannerProps) {
  const { words } = useSpeech();
  return (
    <div role={kind === "bad" ? "alert" : "status"} className={classes(styles.banner, BANNERS[kind].style)}>
      <span role="img" aria-label={words.colour[kind]}><Icon of={BANNERS[kind].icon} /></span>
      <div className={styles.bannerText}>{children}</div>
      {acts !== undefined && <div className={styles.bannerActs}>{acts}</div>}
      {onClose !== undefined && <IconButton label={words.close} icon={X} small onClick={onClose} />}
    </div>
  );
}

export interface ProgressProps {
  readonly label: string;
  /** From 0 to 1; null where it is not known. */
  readonly share: number | null;
}

/** Whole per cents, or nothing where it is not known: what is read out. */
function range(share: number | null) {
  return share === null ? {} : { "aria-valuenow": Math.round(share * 100), "aria-valuemin": 0, "aria-valuemax": 100 };
}

export function ProgressBar({ label, share }: ProgressProps) {
  return (
    <div role="progressbar" aria-label={label} {...range(share)} className={classes(styles.bar, share === null && styles.unknown)}>
      <span style={share === null ? undefined : { inlineSize: `${String(share * 100)}%` }} />
    </div>
  );
}

const AROUND = 2 * Math.PI * 10;

/** `size` in rem. */
export function ProgressRing({ label, share, size = 2.5 }: ProgressProps & { readonly size?: number }) {
  return (
    <svg
      role="progressbar"
      aria-label={label}
      {...range(share)}
      viewBox="0 0 24 24"
      className={classes(styles.ring, share === null && styles.turning)}
      style={{ inlineSize: `${String(size)}rem`, blockSize: `${String(size)}rem` }}
    >
      <circle className={styles.track} cx="12" cy="12" r="10" />
      <circle className={styles.done} cx="12" cy="12" r="10" strokeDasharray={AROUND} strokeDashoffset={AROUND * (1 - (share ?? 0.25))} />
    </svg>
  );
}

/** What a list looks like before it is there. */
export function Skeleton({ rows = 4, kind = "conversations" }: { rows?: number; kind?: "conversations" | "messages" }) {
  const { words } = useSpeech();
  return (
    <div role="status" aria-label={words.loading}>
      {Array.from({ length: rows }, (_, n) =>
        kind === "conversations" ? (
          <div key={n} className={styles.bone}>
            <span className={styles.boneRound} />
            <span className={styles.boneLines}>
              <span style={{ inlineSize: `${String(34 + ((n * 17) % 30))}%` }} />
              <span style={{ inlineSize: `${String(58 + ((n * 23) % 36))}%` }} />
            </span>
          </div>
        ) : (
          <div key={n} className={classes(styles.boneBubble, n % 3 === 1 && styles.boneOwn)}>
            <span style={{ inlineSize: `${String(9 + ((n * 5) % 7))}rem` }} />
          </div>
        ),
      )}
    </div>
  );
}

export interface EmptyStateProps {
  readonly drawing: ReactNode;
  readonly title: string;
  readonly children: ReactNode;
  readonly acts?: ReactNode;
  /** It is all that the page has: its title is the page's. */
  readonly whole?: boolean;
}

/** Nothing is here, and what to do about it. */
export function EmptyState({ drawing, title, children, acts, whole = false }: EmptyStateProps) {
  const Title = whole ? "h1" : "h3";
  return (
    <div className={styles.empty}>
      {drawing}
      <Title className={styles.emptyTitle}>{title}</Title>
      <div className={styles.emptyText}>{children}</div>
      {acts !== undefined && <div className={styles.emptyActs}>{acts}</div>}
    </div>
  );
}

/** Something went wrong: what, and how to go on. */
export function ErrorState({ title, children, onRetry, drawing, whole = false }: { title?: string; children: ReactNode; onRetry?: () => void; drawing: ReactNode; whole?: boolean }) {
  const { words } = useSpeech();
  return (
    <div role="alert">
      <EmptyState
        drawing={drawing}
        title={title ?? words.notLoaded}
        whole={whole}
        acts={onRetry === undefined ? undefined : <Button icon={RotateCw} onClick={onRetry}>{words.retry}</Button>}
      >
        {children}
      </EmptyState>
    </div>
  );
}
