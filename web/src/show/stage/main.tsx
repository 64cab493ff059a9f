/** The app over invented samples: `app-stage.html?scene=home&language=ar&theme=dark#c/1`. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "../../app/App";
import "../../app/app.css";
import { Kept, type Place } from "../../app/state/kept";
import { PLAIN } from "../../app/state/updates";
import "../../ui/tokens/base.css";
import { NOW_MS } from "../samples";
import { apply, settingsOf } from "../settings";
import { SCENES, StageCore } from "./core";

/** Habits that go with the page. */
function memory(): Place {
  const all = new Map<string, string>();
  return { getItem: (key) => all.get(key) ?? null, setItem: (key, value) => { all.set(key, value); }, removeItem: (key) => { all.delete(key); } };
}

const settings = settingsOf(location.search);
const given = new URLSearchParams(location.search);
const scene = SCENES.find((it) => it === given.get("scene")) ?? "home";
apply(settings);
const kept = new Kept(memory(), {
  theme: settings.theme, language: settings.language,
  recoveryOffered: scene !== "empty" && scene !== "fresh", recentEmoji: ["🎶", "🙂", "👏"],
});
const core = new StageCore(settings.language, scene, given.get("code") ?? undefined, Number(given.get("long") ?? 2_000), Number(given.get("unread") ?? 0));
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(<StrictMode><App core={core} kept={kept} clock={() => NOW_MS} updates={{ ...PLAIN, waits: () => scene === "update" }} /></StrictMode>);
