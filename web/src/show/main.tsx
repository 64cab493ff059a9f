/** The page that shows every part in every state. */
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { Segmented } from "../ui/fields/Choices";
import "../ui/tokens/base.css";
import { Speaks, useSpoken } from "../ui/words/context";
import { learn } from "../ui/words/languages";
import { parts } from "./parts";
import { apply, directionIn, searchOf, type Settings, settingsOf } from "./settings";
import styles from "./show.module.css";

const options = <const Value extends string>(...all: readonly (readonly [Value, string])[]) => all.map(([value, label]) => ({ value, label }));

function Controls({ settings, onChange }: { settings: Settings; onChange: (settings: Settings) => void }) {
  return (
    <div className={styles.controls} role="group" aria-label="How the page is shown" lang="en" dir="ltr">
      <Segmented label="Theme" value={settings.theme} options={options(["system", "System"], ["light", "Light"], ["dark", "Dark"])} onChange={(theme) => { onChange({ ...settings, theme }); }} />
      <Segmented label="Language" value={settings.language} options={options(["en", "English"], ["ar", "العربية"])} onChange={(language) => { onChange({ ...settings, language }); }} />
      <Segmented label="Direction" value={settings.direction} options={options(["own", "Own"], ["ltr", "LTR"], ["rtl", "RTL"])} onChange={(direction) => { onChange({ ...settings, direction }); }} />
      <Segmented label="Text size" value={settings.size} options={options(["100", "100"], ["125", "125"], ["150", "150"], ["200", "200"])} onChange={(size) => { onChange({ ...settings, size }); }} />
      <Segmented label="Motion" value={settings.motion} options={options(["system", "Motion"], ["reduced", "Reduced"])} onChange={(motion) => { onChange({ ...settings, motion }); }} />
    </div>
  );
}

function Page() {
  const [settings, setSettings] = useState(() => settingsOf(location.search));
  useEffect(() => {
    apply(settings);
    history.replaceState(null, "", location.pathname + searchOf(settings) + location.hash);
  }, [settings]);
  useEffect(() => {
    // The part was not there yet when the browser looked for it.
    document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, []);
  const language = useSpoken(settings.language) ?? "en";
  const groups = [...new Set(parts.map((part) => part.group))];
  return (
    <Speaks language={language} direction={directionIn(settings)}>
      <div className={styles.page}>
        <nav className={styles.index} aria-label="Parts" lang="en" dir="ltr">
          <h1 className={styles.brand}><img src="/mark.svg" alt="" />Comity</h1>
          <div className={styles.indexList}>
            {groups.map((group) => (
              <div key={group} style={{ display: "contents" }}>
                <h2 className={styles.indexGroup}>{group}</h2>
                {parts.filter((part) => part.group === group).map((part) => <a key={part.id} className={styles.indexLink} href={`#${part.id}`}>{part.title}</a>)}
              </div>
            ))}
          </div>
        </nav>
        <main className={styles.content}>
          <Controls settings={settings} onChange={setSettings} />
          {parts.map(({ id, title, Show }) => (
            <section key={id} id={id} className={styles.part} aria-labelledby={`${id}-title`}>
              <h2 id={`${id}-title`} className={styles.partTitle} lang="en" dir="ltr"><a href={`#${id}`}>{title}</a></h2>
              <div className={styles.states}><Show /></div>
            </section>
          ))}
        </main>
      </div>
    </Speaks>
  );
}

apply(settingsOf(location.search));
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
// Where the page was opened at a part, the part is there when it is looked for.
await learn(settingsOf(location.search).language);
createRoot(root).render(<StrictMode><Page /></StrictMode>);
