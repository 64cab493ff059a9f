/**
 * A menu of acts. Keys as in the ARIA Authoring Practices, 'Menu Button': arrows, Home, End, letters,
 * Escape, which gives the focus back.
 */
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useId, useRef, useState } from "react";
import { IconButton } from "../basics/Button";
import { classes } from "../basics/classes";
import { Icon, type Picture } from "../basics/Icon";
import styles from "./menu.module.css";
import type { Wish } from "./place";
import { Popover } from "./Popover";

export interface Act {
  readonly label: string;
  readonly icon?: Picture;
  /** Its icon points along the line of writing. */
  readonly turns?: boolean;
  /** It destroys something. */
  readonly bad?: boolean;
  readonly disabled?: boolean;
  /** A line before it. */
  readonly apart?: boolean;
  readonly onChoose: () => void;
}

export interface MenuProps {
  readonly label: string;
  readonly icon: Picture;
  readonly acts: readonly Act[];
  readonly side?: Wish["side"];
  readonly align?: Wish["align"];
  readonly small?: boolean;
}

/** A button with an icon that opens a menu. */
export function Menu({ label, icon, acts, side = "below", align = "end", small = false }: MenuProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const close = useCallback(() => {
    setOpen(false);
  }, []);
  return (
    <>
      <IconButton
        ref={button}
        label={label}
        icon={icon}
        small={small}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => {
          setOpen(!open);
        }}
      />
      <Popover open={open} onClose={close} anchor={button} label={label} side={side} align={align} role="presentation" bare>
        <MenuList id={id} label={label} acts={acts} onDone={() => {
          close();
          button.current?.focus();
        }} />
      </Popover>
    </>
  );
}

export interface MenuListProps {
  readonly id?: string;
  readonly label: string;
  readonly acts: readonly Act[];
  /** Takes the focus when it appears; so it does unless told. */
  readonly focuses?: boolean;
  readonly onDone: () => void;
  readonly children?: ReactNode;
}

/** The list itself, for a popover or a sheet. */
export function MenuList({ id, label, acts, focuses = true, onDone }: MenuListProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (focuses) list.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  }, [focuses]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const items = [...(list.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const next = nextAt(event.key, at, items.map((item) => item.textContent));
    if (event.key === "Escape" || event.key === "Tab") {
      if (event.key === "Escape") event.preventDefault();
      onDone();
    } else if (next !== null) {
      event.preventDefault();
      items[next]?.focus();
    }
  };
  return (
    <div ref={list} id={id} role="menu" tabIndex={-1} aria-label={label} className={styles.menu} onKeyDown={onKeyDown}>
      {acts.map((act) => (
        <button
          key={act.label}
          type="button"
          role="menuitem"
          tabIndex={-1}
          aria-disabled={act.disabled}
          className={classes(styles.item, act.bad && styles.bad, act.apart && styles.apart)}
          onClick={() => {
            if (act.disabled === true) return;
            onDone();
            act.onChoose();
          }}
        >
          {act.icon !== undefined && <Icon of={act.icon} turns={act.turns ?? false} />}
          <span>{act.label}</span>
        </button>
      ))}
    </div>
  );
}

/** Which item a key leads to from item `at` of `names`; null where it leads nowhere. */
export function nextAt(key: string, at: number, names: readonly (string | null)[]): number | null {
  const count = names.length;
  if (count === 0) return null;
  if (key === "ArrowDown") return (at + 1) % count;
  if (key === "ArrowUp") return (Math.max(at, 0) - 1 + count) % count;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (key.length !== 1 || key === " ") return null;
  for (let step = 1; step <= count; step += 1) {
    const to = (at + step) % count;
    if (names[to]?.trim().toLocaleLowerCase().startsWith(key.toLocaleLowerCase()) === true) return to;
  }
  return null;
}
