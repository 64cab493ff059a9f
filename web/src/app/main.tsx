/**
 * Starts the app over the core in this browser.
 *
 * Always holds: a page that was built without the core says so, and does nothing else.
 */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../ui/tokens/base.css";
import "./app.css";
import { App } from "./App";
import type { Core } from "./state/face";
import { Kept } from "./state/kept";
import { Missing } from "./state/missing";

interface HasCore {
  readonly Core: new () => Core;
}

// The core is built from Rust before the page is: a page can be built without it, to work on screens.
const built = Object.values(import.meta.glob<HasCore>("../core/core.ts", { eager: true }))[0];
const core = built === undefined ? new Missing() : new built.Core();
const kept = new Kept(localStorage);
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(<StrictMode><App core={core} kept={kept} /></StrictMode>);
