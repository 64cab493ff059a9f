/**
 * The service worker: the app starts without a network, from the files of one build.
 *
 * Always holds: a page and all that it loads are of one build; another build takes over when no page is left, or when
 * somebody asks for it, and then for all pages at once. Deliberately absent: the server's acts, whatever they are
 * (`/v1`); notifications of its own: it shows what a page says where only a service worker may.
 */
import { keep, kept, sweep } from "./keep";
import { answerOf, type Shell, TAKE_OVER } from "./shell";

interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface Fetching extends Lasting {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface Page {
  focus(): Promise<unknown>;
  postMessage(message: unknown): void;
}

interface Pressed extends Lasting {
  readonly notification: { readonly data: unknown; close(): void };
}

interface Scope {
  readonly location: { readonly origin: string };
  readonly clients: { claim(): Promise<void>; matchAll(of: { type: "window" }): Promise<readonly Page[]>; openWindow(address: string): Promise<unknown> };
  skipWaiting(): Promise<void>;
  addEventListener(name: "install" | "activate", listener: (event: Lasting) => void): void;
  addEventListener(name: "fetch", listener: (event: Fetching) => void): void;
  addEventListener(name: "notificationclick", listener: (event: Pressed) => void): void;
  addEventListener(name: "message", listener: (event: Lasting & { readonly data: unknown }) => void): void;
}

/** Put in by `scripts/shell.ts` when the app is built. */
declare const SHELL: Shell;

const scope = self as unknown as Scope;

scope.addEventListener("install", (event) => {
  event.waitUntil(keep(SHELL));
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(sweep(SHELL).then(() => scope.clients.claim()));
});

scope.addEventListener("message", (event) => {
  if (event.data === TAKE_OVER) event.waitUntil(scope.skipWaiting());
});

scope.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { data } = event.notification;
  if (typeof data === "string" && data.startsWith("#")) event.waitUntil(show(data));
});

/** Shows a place of the app: in a page that is there, or a new one. */
async function show(hash: string): Promise<void> {
  const [page] = await scope.clients.matchAll({ type: "window" });
  if (page === undefined) {
    await scope.clients.openWindow(`/${hash}`);
    return;
  }
  page.postMessage({ go: hash });
  await page.focus();
}

scope.addEventListener("fetch", (event) => {
  const path = answerOf(SHELL, scope.location.origin, event.request);
  if (path !== undefined) event.respondWith(kept(SHELL, path, event.request));
});
