/**
 * Whether somebody presses right now, with a finger, a pen or a mouse.
 *
 * Always holds: what opens while a press goes on has to outlive its end. The browser's own popovers do not: lifting the
 * finger counts as a press elsewhere (HTML, 'light dismiss': the press began where there was no popover, and ends there).
 */
const down = new Set<number>();

if (typeof window !== "undefined") {
  const ends = ({ pointerId }: PointerEvent): void => { down.delete(pointerId); };
  window.addEventListener("pointerdown", ({ pointerId }) => { down.add(pointerId); }, { capture: true });
  window.addEventListener("pointerup", ends, { capture: true });
  window.addEventListener("pointercancel", ends, { capture: true });
}

export function isPressed(): boolean {
  return down.size > 0;
}
