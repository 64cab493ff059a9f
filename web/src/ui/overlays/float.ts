/** Keeps a float (an element of the browser's top layer) beside its anchor while it is shown. */
import { useLayoutEffect, type RefObject } from "react";
import { place, type Wish } from "./place";

/** Places `float` beside `anchor` while `shown`. */
export function useFloat(
  anchor: () => Element | null,
  float: RefObject<HTMLElement | null>,
  shown: boolean,
  wish: Omit<Wish, "rtl">,
): void {
  const { side, align } = wish;
  useLayoutEffect(() => {
    const it = float.current;
    if (!shown || it === null) return;
    const put = (): void => {
      const by = anchor();
      if (by === null) return;
      const rtl = getComputedStyle(by).direction === "rtl";
      const room = { width: document.documentElement.clientWidth, height: window.innerHeight };
      const { left, top } = place(by.getBoundingClientRect(), { width: it.offsetWidth, height: it.offsetHeight }, room, { side, align, rtl });
      it.style.left = `${String(left)}px`;
      it.style.top = `${String(top)}px`;
    };
    put();
    const size = new ResizeObserver(put);
    size.observe(it);
    window.addEventListener("scroll", put, { capture: true, passive: true });
    window.addEventListener("resize", put);
    return () => {
      size.disconnect();
      window.removeEventListener("scroll", put, { capture: true });
      window.removeEventListener("resize", put);
    };
  }, [anchor, float, shown, side, align]);
}
