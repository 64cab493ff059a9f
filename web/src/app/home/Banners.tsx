/**
 * What one should know before anything else: no connection, a new version, storage that may go, history on its way.
 *
 * Always holds: of what is only advised, one thing at a time, so that what one came for stays in view.
 */
import { useEffect, useState } from "react";
import { Button } from "../../ui/basics/Button";
import { Banner, ProgressBar } from "../../ui/feedback/Feedback";
import { useSpeech } from "../../ui/words/context";
import { useCore, useHabits, useKept, useNow, useShared, useStorageKept, useUpdates, useUpdateWaits } from "../state/context";
import { go } from "../state/route";
import styles from "./home.module.css";

/** A connection that comes back at once is not worth a word. */
const OFFLINE_AFTER_MS = 1_500;

export function Banners() {
  const { words, format } = useSpeech();
  const core = useCore();
  const kept = useKept();
  const habits = useHabits();
  const { account, link, history } = useShared();
  const { persisted } = useStorageKept();
  const now = useNow();
  const [closed, setClosed] = useState(false);
  const updates = useUpdates();
  const updateWaits = useUpdateWaits();
  const [later, setLater] = useState(false);
  const gone = link?.ended ?? null;
  const away = link !== undefined && gone === null && link.wanted && !link.online;
  const [offline, setOffline] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => { setOffline(away); }, away ? OFFLINE_AFTER_MS : 0);
    return () => { clearTimeout(timer); };
  }, [away]);
  const retry = link?.retry_ms ?? null;
  const numberless = account?.number === "";
  const offersWords = !habits.recoveryOffered && account?.owner === true;
  return (
    <>
      {gone !== null && <div className={styles.banner}><Banner kind="bad">{gone === "device_revoked" ? words.home.goneDevice : words.home.goneAccount}</Banner></div>}
      {offline && (
        <div className={styles.banner}>
          <Banner kind="information" acts={<Button kind="plain" size="small" onClick={() => { core.tryNow(); }}>{words.home.tryNow}</Button>}>
            {words.home.offline}{retry !== null && retry > now ? ` ${words.home.retryAt(format.time(retry))}` : ""}
          </Banner>
        </div>
      )}
      {updateWaits && !later && (
        <div className={styles.banner}>
          <Banner kind="good" onClose={() => { setLater(true); }} acts={<Button kind="plain" size="small" onClick={updates.reload}>{words.home.reload}</Button>}>{words.home.newVersion}</Banner>
        </div>
      )}
      {history !== null && (
        <div className={styles.banner}>
          <Banner kind="information">
            {words.home.historyArrives(history.done, history.total)}
            <span className={styles.bar}><ProgressBar label={words.home.history} share={history.total > 0 ? history.done / history.total : null} /></span>
          </Banner>
        </div>
      )}
      {numberless && (
        <div className={styles.banner}>
          <Banner kind="caution" acts={<Button kind="plain" size="small" onClick={() => { go({ at: "settings", page: "number" }); }}>{words.self.changeNumber}</Button>}>{words.home.numberLost}</Banner>
        </div>
      )}
      {persisted === false && !closed && !offersWords && (
        <div className={styles.banner}>
          <Banner kind="caution" onClose={() => { setClosed(true); }} acts={<Button kind="plain" size="small" onClick={() => { go({ at: "settings", page: "storage" }); }}>{words.home.whatToDo}</Button>}>{words.home.storageLoose}</Banner>
        </div>
      )}
      {offersWords && (
        <div className={styles.banner}>
          <Banner
            kind="information"
            onClose={() => { kept.set({ recoveryOffered: true }); }}
            acts={<Button kind="plain" size="small" onClick={() => { go({ at: "settings", page: "recovery" }); }}>{words.self.recoveryMake}</Button>}
          >
            {words.home.recoveryOffer}
          </Banner>
        </div>
      )}
    </>
  );
}
