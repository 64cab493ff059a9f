/** The safety number with somebody: as digits, as a code, and compared by the camera. */
import { ScanLine } from "lucide-react";
import { useState } from "react";
import { Button } from "../../ui/basics/Button";
import { Banner, ProgressBar } from "../../ui/feedback/Feedback";
import { SafetyNumber } from "../../ui/people/People";
import { useSpeech } from "../../ui/words/context";
import { useAct, useContact, useShared } from "../state/context";
import { back } from "../state/route";
import { Page } from "./Page";
import { plainDigits, safetyCode } from "./people";
import styles from "./people.module.css";
import { Scanner } from "./Scanner";

export function Safety({ address }: { address: string }) {
  const { words } = useSpeech();
  const act = useAct();
  const contact = useContact(address);
  const { named } = useShared();
  const [scans, setScans] = useState(false);
  const [matched, setMatched] = useState<boolean | null>(null);
  const leave = (): void => { back({ at: "person", address }); };
  if (contact === undefined) {
    return <Page title={words.people.safety} deep onBack={leave}>{named ? <p>{words.people.unknown}</p> : <ProgressBar label={words.loading} share={null} />}</Page>;
  }
  const digits = plainDigits(contact.safety_number);
  const name = contact.name === "" ? contact.number : contact.name;
  const verify = (): void => { void act({ verify: address }, words.people.nowVerified(name)); };
  return (
    <Page title={words.people.safety} deep onBack={leave}>
      {matched === true && <Banner kind="good">{words.people.scanMatches}</Banner>}
      {matched === false && <Banner kind="bad">{words.people.scanDiffers(name)}</Banner>}
      {digits === "" ? <Banner kind="information">{words.people.noSafety}</Banner> : (
        <div className={styles.card}>
          <SafetyNumber name={name} digits={digits} code={safetyCode(digits)} verified={contact.verified} onVerify={verify} />
          {!scans && <Button kind="soft" icon={ScanLine} onClick={() => { setScans(true); }}>{words.people.scan}</Button>}
          {scans && (
            <Scanner
              label={words.people.scan}
              onRead={(text) => {
                const same = text === safetyCode(digits);
                setMatched(same);
                setScans(false);
                if (same && !contact.verified) verify();
              }}
              onClose={() => { setScans(false); }}
            />
          )}
        </div>
      )}
    </Page>
  );
}
