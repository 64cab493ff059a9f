/**
 * Starts the app over the core in this browser.
 *
 * Always holds: a page that was built without the core says so, and does nothing else. Only the app that is built to be
 * served alone has a service worker: another would answer from its files while they are worked on.
 */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../ui/tokens/base.css";
import "./app.css";
import { App } from "./App";
import type { Core } from "./state/face";
import { Kept } from "./state/kept";
import { Missing } from "./state/missing";
import { ByWorker, PLAIN } from "./state/updates";
import { trusted } from "../core/trusted";
import { SERVICE_WORKER } from "../sw/shell";

interface HasCore {
  readonly Core: new () => Core;
}

// The core is built from Rust before the page is: a page can be built without it, to work on screens.
const built = Object.values(import.meta.glob<HasCore>("../core/core.ts", { eager: true }))[0];
const core = built === undefined ? new Missing() : new built.Core();
const kept = new Kept(localStorage);
const updates = import.meta.env.MODE === "app" && "serviceWorker" in navigator ? new ByWorker(navigator.serviceWorker, trusted(SERVICE_WORKER)) : undefined;
// What the page starts from comes first; then it is kept.
core.onState((state) => { if (state.is !== "starting") updates?.begin(); });
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(<StrictMode><App core={core} kept={kept} updates={updates ?? PLAIN} /></StrictMode>);
