/** Short words about what was done or did not work, one at a time, for the whole page. */
import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from "react";
import { Toast, ToastPlace } from "../../ui/overlays/Toast";

export interface Told {
  /** Takes back what was done. */
  readonly onUndo?: () => void;
  /** It went, and was not taken back. */
  readonly onGone?: () => void;
}

/** What it returns takes that toast away, where it still stands. */
type Tell = (text: string, told?: Told) => () => void;

const ToastContext = createContext<Tell>(() => () => undefined);

interface Shown extends Told {
  readonly id: number;
  readonly text: string;
}

export function Toasts({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<Shown | null>(null);
  const now = useRef<Shown | null>(null);
  const last = useRef(0);
  const put = useCallback((next: Shown | null) => {
    now.current?.onGone?.();
    now.current = next;
    setShown(next);
  }, []);
  const tell = useCallback<Tell>((text, told = {}) => {
    last.current += 1;
    const id = last.current;
    put({ id, text, ...told });
    return () => { if (now.current?.id === id) put(null); };
  }, [put]);
  const close = useCallback(() => { put(null); }, [put]);
  const undo = useMemo(() => {
    const back = shown?.onUndo;
    return back === undefined ? undefined : () => {
      now.current = null;
      setShown(null);
      back();
    };
  }, [shown]);
  return (
    <ToastContext value={tell}>
      {children}
      <ToastPlace>{shown !== null && <Toast key={shown.id} text={shown.text} onClose={close} {...(undo && { onUndo: undo })} />}</ToastPlace>
    </ToastContext>
  );
}

/** Tells something in a toast. */
export function useTell(): Tell {
  return useContext(ToastContext);
}
