/** A page that has nothing but the core, for the tests that drive it. */
import { Core } from "../../src/core/core";
import type { Event } from "../../src/core/types";

declare global {
  interface Window {
    core: Core;
    events: Event[];
  }
}

window.events = [];
window.core = new Core();
window.core.onEvent((event) => {
  window.events.push(event);
});
