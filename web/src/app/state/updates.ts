/**
 * The app's next version, as far as this browser has it.
 *
 * Always holds: nothing is swapped under a page that runs; who asks for the next version gets it in all tabs at once, by
 * a reload of each. Deliberately absent: fetching it; the service worker does that (`src/sw`).
 */
import { TAKE_OVER } from "../../sw/shell";

/** What screens know of it. */
export interface Updates {
  /** Whether a next version is here and whole. */
  readonly waits: () => boolean;
  /** Hears that this changed; returns what ends it. */
  readonly listen: (listener: () => void) => () => void;
  /** Reloads this page; where a next version waits, all pages, with that. */
  readonly reload: () => void;
  /** Looks whether there is a next version, now. */
  readonly look: () => void;
}

/** Of a page that has no service worker: a reload is a reload. */
export const PLAIN: Updates = {
  waits: () => false,
  listen: () => () => undefined,
  reload: () => { location.reload(); },
  look: () => undefined,
};

/** How often a page that stays open looks. */
const LOOK_EVERY_MS = 3_600_000;

/** Of a page with a service worker. */
export class ByWorker implements Updates {
  readonly #listeners = new Set<() => void>();
  readonly #container: ServiceWorkerContainer;
  readonly #url: string | URL;
  #begun = false;
  #registration: ServiceWorkerRegistration | undefined;

  /** `url` is the worker's script, as the page's policy takes it. */
  constructor(container: ServiceWorkerContainer, url: string | URL) {
    this.#container = container;
    this.#url = url;
    this.#followController();
  }

  /** Keeps the app in this browser, and looks for the next version. Where there can be no worker, the page goes on without. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#container.register(this.#url, { scope: "/", updateViaCache: "none" }).then((registration) => { this.#watch(registration); }, () => undefined);
  }

  readonly waits = (): boolean => this.#waiting() !== undefined;

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  };

  readonly reload = (): void => {
    const waiting = this.#waiting();
    // Its taking over reloads this page with the others.
    if (waiting === undefined) location.reload();
    else waiting.postMessage(TAKE_OVER);
  };

  readonly look = (): void => {
    this.#registration?.update().catch(() => undefined);
  };

  /** The first worker of all takes over a page that runs what it keeps; each later one brings another version. */
  #followController(): void {
    let had = this.#container.controller !== null;
    this.#container.addEventListener("controllerchange", () => {
      if (had) location.reload();
      had = true;
    });
  }

  #waiting(): ServiceWorker | undefined {
    // Without a controller it is the first, which waits for nothing.
    return this.#container.controller === null ? undefined : (this.#registration?.waiting ?? undefined);
  }

  #watch(registration: ServiceWorkerRegistration): void {
    this.#registration = registration;
    const follow = (worker: ServiceWorker | null): void => {
      worker?.addEventListener("statechange", () => { this.#tell(); });
    };
    follow(registration.installing);
    registration.addEventListener("updatefound", () => { follow(registration.installing); });
    this.#tell();
    setInterval(this.look, LOOK_EVERY_MS);
    addEventListener("online", this.look);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.look();
    });
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
