/** Draws long lists little by little: some more each time somebody comes to the end of what is drawn. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import styles from "./home.module.css";

const STEP = 40;

/** How many of `total` to draw, and what stands at their end. */
export function useMore(total: number, step = STEP): { readonly shown: number; readonly more: ReactNode } {
  const [shown, setShown] = useState(step);
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => {
    const it = end.current;
    if (it === null) return;
    const seen = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) setShown((now) => now + step);
    }, { rootMargin: "600px" });
    seen.observe(it);
    return () => { seen.disconnect(); };
  }, [shown, total, step]);
  return { shown, more: shown < total ? <li ref={end} aria-hidden className={styles.more} /> : null };
}
