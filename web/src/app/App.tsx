/**
 * The chat app over a core.
 *
 * Always holds: what it shows comes from the core and from what this browser keeps; given both and a
 * clock, it is the same page. Deliberately absent: starting the core; `main.tsx` does that.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { directionOf, type Language, reader } from "../ui/words/format";
import { Speaks, useSpoken } from "../ui/words/context";
import { Main } from "./home/Main";
import { HasHands, HasShared, useAct, useCore, useCoreState, useDrafts, useGive, useHabits, useKept, useShared } from "./state/context";
import type { Core } from "./state/face";
import { takeFiles } from "./state/files";
import type { Kept } from "./state/kept";
import { routeOf } from "./state/route";
import { Toasts } from "./state/toasts";
import { Told } from "./state/Told";
import { PLAIN, type Updates } from "./state/updates";
import { Start } from "./start/Start";
import { Ended, Failed, Loading } from "./start/States";

export interface AppProps {
  readonly core: Core;
  readonly kept: Kept;
  readonly clock?: () => number;
  /** Absent where nothing brings a next version. */
  readonly updates?: Updates;
}

const systemClock = (): number => Date.now();

export function App({ core, kept, clock = systemClock, updates = PLAIN }: AppProps) {
  return (
    <HasHands core={core} kept={kept} clock={clock} updates={updates}>
      <Looks />
    </HasHands>
  );
}

/** The language that the browser asks for, among those there are words in. */
export function languageOf(wanted: readonly string[]): Language {
  return wanted.some((it) => it.startsWith("ar")) && !wanted[0]?.startsWith("en") ? "ar" : "en";
}

/** The page as the habits have it: language, direction, theme. */
function Looks() {
  const habits = useHabits();
  const language = useSpoken(habits.language ?? languageOf(navigator.languages));
  useEffect(() => {
    if (language === undefined) return;
    const root = document.documentElement;
    root.lang = language;
    root.dir = directionOf(language);
    if (habits.theme === "system") delete root.dataset.theme;
    else root.dataset.theme = habits.theme;
  }, [language, habits.theme]);
  if (language === undefined) return null;
  return (
    <Speaks language={language} reader={reader()}>
      <Toasts><AsCore /></Toasts>
    </Speaks>
  );
}

function AsCore() {
  const state = useCoreState();
  if (state.is === "failed") return <Failed code={state.failure.code} />;
  return state.is === "starting" ? <Loading /> : <HasShared><AsAccount /></HasShared>;
}

/** An invitation that was opened waits for the next account; all other places were of the one that ended. */
function again(): void {
  if (routeOf(location.hash).at !== "join") location.hash = "";
  location.reload();
}

function AsAccount() {
  const core = useCore();
  const kept = useKept();
  const drafts = useDrafts();
  const act = useAct();
  const give = useGive();
  const { account, link } = useShared();
  const [ended, setEnded] = useState<string | null>(null);
  const photo = useRef<Blob | null>(null);
  useEffect(() => core.onEvent((event) => {
    if (event.event !== "erased") return;
    kept.forget();
    drafts.forget();
    setEnded(event.reason);
  }), [core, kept, drafts]);
  useEffect(() => takeFiles(core), [core]);
  const has = account !== null && account !== undefined;
  // Where the app says that this device is no more, what is here stays readable: a banner says so.
  const reason = ended ?? (has ? null : (link?.ended ?? null));
  useEffect(() => {
    const chosen = photo.current;
    if (!has || chosen === null) return;
    photo.current = null;
    void give(chosen).then((path) => (path === null ? null : act({ set_photo: { path, size: chosen.size, media_type: chosen.type } })));
  }, [has, give, act]);
  const keepPhoto = useCallback((chosen: Blob | null) => { photo.current = chosen; }, []);
  if (reason !== null) return <Ended reason={reason} onAgain={again} />;
  if (account === undefined) return <Loading />;
  return account === null ? <Start onPhoto={keepPhoto} /> : <><Main account={account} /><Told /></>;
}
