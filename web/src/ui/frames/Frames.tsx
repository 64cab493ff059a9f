/**
 * Frames: a list beside what is open, on a desk; one of them in view at a time, on a phone; the way between
 * the app's places.
 */
import { ArrowLeft } from "lucide-react";
import { type KeyboardEvent, type PointerEvent, type ReactNode, type Ref, useRef } from "react";
import { Badge } from "../feedback/Badge";
import { IconButton } from "../basics/Button";
import { classes } from "../basics/classes";
import { Icon, type Picture } from "../basics/Icon";
import { useSpeech } from "../words/context";
import { Apart } from "../text/Apart";
import styles from "./frames.module.css";

/** The list's width, in pixels: the least, the most. */
export const LIST_WIDTH = { least: 260, most: 480 } as const;
const STEP = 16;

export interface DeskProps {
  /** Places of the app, at the edge. */
  readonly places: ReactNode;
  readonly list: ReactNode;
  readonly listLabel: string;
  readonly children: ReactNode;
  /** Pixels. */
  readonly width: number;
  readonly onWidth: (width: number) => void;
  /** Where there is room for one of them: which. The other stays as it is, out of view and of reach. */
  readonly only?: "list" | "open" | undefined;
}

/** Both sides stay in their places when the room becomes less or more: so nothing in them begins anew. */
export function Desk({ places, list, listLabel, children, width, onWidth, only }: DeskProps) {
  const { words } = useSpeech();
  const frame = useRef<HTMLDivElement>(null);
  const set = (to: number): void => {
    onWidth(Math.round(Math.max(LIST_WIDTH.least, Math.min(to, LIST_WIDTH.most))));
  };
  const rtl = (): boolean => frame.current !== null && getComputedStyle(frame.current).direction === "rtl";
  const onMove = (event: PointerEvent<HTMLElement>): void => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.previousElementSibling?.getBoundingClientRect();
    if (box !== undefined) set(rtl() ? box.right - event.clientX : event.clientX - box.left);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const grow = rtl() ? "ArrowLeft" : "ArrowRight";
    const shrink = rtl() ? "ArrowRight" : "ArrowLeft";
    const to = { [grow]: width + STEP, [shrink]: width - STEP, Home: LIST_WIDTH.least, End: LIST_WIDTH.most }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    set(to);
  };
  return (
    <div ref={frame} className={styles.desk}>
      {only === undefined && places}
      <section
        aria-label={listLabel}
        className={classes(styles.list, only === "list" && styles.alone, only === "open" && styles.away)}
        style={only === undefined ? { inlineSize: `${String(width)}px` } : undefined}
      >
        {list}
      </section>
      {only === undefined && (
        // A separator that can be moved is a control (ARIA 1.2, separator).
        // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
        <div
          role="separator"
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
          aria-orientation="vertical"
          aria-label={words.resizeList}
          aria-valuenow={width}
          aria-valuemin={LIST_WIDTH.least}
          aria-valuemax={LIST_WIDTH.most}
          className={styles.splitter}
          onKeyDown={onKeyDown}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
          }}
          onPointerMove={onMove}
        />
      )}
      <div className={classes(styles.open, only === "list" && styles.away)}>{children}</div>
    </div>
  );
}

export interface ScreenProps {
  readonly header: ReactNode;
  readonly children: ReactNode;
  /** A composer, or the places. */
  readonly foot?: ReactNode;
  /** What the middle is called, where it scrolls by itself. */
  readonly label: string;
  /** On the ground, as a timeline, or on the surface, as a list. */
  readonly on?: "ground" | "surface";
  /** The middle itself, for who moves it. */
  readonly middle?: Ref<HTMLDivElement>;
}

/** Head, middle that scrolls, foot: a phone's screen, and each column of a desk. */
export function Screen({ header, children, foot, label, on = "surface", middle }: ScreenProps) {
  return (
    <div className={styles.screen}>
      {header}
      {/* It scrolls: so it takes the focus (WCAG 2.1.1). */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div ref={middle} role="region" aria-label={label} tabIndex={0} className={classes(styles.middle, on === "ground" && styles.ground)}>{children}</div>
      {foot}
    </div>
  );
}

export interface HeaderProps {
  readonly title: string;
  readonly about?: string;
  readonly avatar?: ReactNode;
  readonly onBack?: () => void;
  /** The title leads somewhere: to what is known of the conversation. */
  readonly onTitle?: () => void;
  readonly acts?: ReactNode;
  /** A screen's own title, large. */
  readonly large?: boolean;
}

export function Header({ title, about, avatar, onBack, onTitle, acts, large = false }: HeaderProps) {
  const { words } = useSpeech();
  const inside = (
    <>
      {avatar}
      <span className={styles.titles}>
        <Apart className={styles.title} text={title} />
        {about !== undefined && <span className={styles.about}>{about}</span>}
      </span>
    </>
  );
  return (
    <header className={classes(styles.header, large && styles.large)}>
      {onBack !== undefined && <IconButton icon={ArrowLeft} turns label={words.back} onClick={onBack} />}
      {/* It takes the focus when one comes here and what one pressed is gone: so it is read out. */}
      {onTitle === undefined ? <h2 tabIndex={-1} className={styles.heading}>{inside}</h2> : (
        <h2 tabIndex={-1} className={styles.heading}><button type="button" className={styles.toAbout} onClick={onTitle}>{inside}</button></h2>
      )}
      {acts}
    </header>
  );
}

export interface Place {
  readonly key: string;
  readonly label: string;
  readonly icon: Picture;
  readonly unread?: number;
}

export interface PlacesProps {
  readonly places: readonly Place[];
  readonly at: string;
  readonly onGo: (key: string) => void;
  /** Below, on a phone; at the edge, on a desk. */
  readonly side: "bottom" | "edge";
}

export function Places({ places, at, onGo, side }: PlacesProps) {
  const { words, format } = useSpeech();
  return (
    <nav aria-label={words.mainPlaces} className={classes(styles.places, side === "edge" && styles.edge)}>
      {places.map(({ key, label, icon, unread = 0 }) => (
        <button key={key} type="button" aria-current={key === at ? "page" : undefined} className={styles.place} onClick={() => { onGo(key); }}>
          <span className={styles.placeIcon}>
            <Icon of={icon} size={1.375} />
            {unread > 0 && <span className={styles.placeBadge}><Badge label={words.unread(unread)}>{format.number(unread)}</Badge></span>}
          </span>
          <span>{label}</span>
        </button>
      ))}
    </nav>
  );
}
