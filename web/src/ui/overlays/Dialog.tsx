/**
 * What has to be answered first: in the middle on a desk, from below on a phone.
 *
 * Always holds: the browser's own modal dialog keeps the focus inside and gives it back; Escape and a
 * press beside it close it. What is written in it has the focus first; by touch, where that would bring the keyboard
 * up, the dialog itself. Deliberately absent: dialogs over dialogs.
 */
import { X } from "lucide-react";
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { IconButton } from "../basics/Button";
import { classes } from "../basics/classes";
import { useSpeech } from "../words/context";
import styles from "./dialog.module.css";

const WRITTEN_IN = "textarea, input:not([type=checkbox], [type=radio], [type=file])";

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly children: ReactNode;
  /** Buttons at its foot, the leading one last. */
  readonly acts?: ReactNode;
  /** A `sheet` also comes from below where both hands hold the screen, as on a tablet. */
  readonly shape?: "dialog" | "sheet";
  /** It asks about something that destroys: read out at once. */
  readonly alerts?: boolean;
}

export function Dialog({ open, ...shown }: DialogProps) {
  return open ? <Shown {...shown} /> : null;
}

/** Comes and goes as a whole: so what it does when it goes is done while it still stands. */
function Shown({ onClose, title, children, acts, shape = "dialog", alerts = false }: Omit<DialogProps, "open">) {
  const { words } = useSpeech();
  const it = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Before what is inside asks for the focus.
  useLayoutEffect(() => {
    const dialog = it.current;
    if (dialog === null) return;
    dialog.showModal();
    // A question has its safe answer first, by itself.
    if (!alerts) (matchMedia("(pointer: coarse)").matches ? dialog : (dialog.querySelector<HTMLElement>(WRITTEN_IN) ?? dialog)).focus();
    return () => {
      // Taken away while it is open, it would not give the focus back.
      dialog.close();
    };
  }, [alerts]);
  return (
    // A press on the ground around it is for the mouse; the keyboard has Escape.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events
    <dialog
      ref={it}
      tabIndex={-1}
      role={alerts ? "alertdialog" : undefined}
      aria-labelledby={id}
      className={classes(styles.dialog, shape === "sheet" && styles.sheet)}
      onClose={() => {
        if (it.current?.open !== true) onClose();
      }}
      onClick={(event) => {
        if (event.target === it.current) it.current.close();
      }}
    >
      <div className={styles.body}>
        {shape === "sheet" && <span className={styles.handle} />}
        <header className={styles.header}>
          <h2 id={id} className={styles.title}>{title}</h2>
          {!alerts && (
            <IconButton label={words.close} icon={X} small onClick={() => it.current?.close()} />
          )}
        </header>
        <div className={styles.content}>{children}</div>
        {acts !== undefined && <footer className={styles.acts}>{acts}</footer>}
      </div>
    </dialog>
  );
}
