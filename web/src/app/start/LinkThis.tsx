/** Links this browser to an account: shows a code for a device that has it, and waits. */
import { Copy } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { Button } from "../../ui/basics/Button";
import { ProgressBar } from "../../ui/feedback/Feedback";
import { QrCode } from "../../ui/people/People";
import { useSpeech } from "../../ui/words/context";
import { useCore, useEvents, useNow } from "../state/context";
import { codeOf, type CoreEvent } from "../state/face";
import { useTell } from "../state/toasts";
import { browserName } from "./names";
import { Step } from "./steps";
import styles from "./start.module.css";

/** A long code in its groups of four, as one reads it out. */
export function grouped(code: string): readonly string[] {
  return code.replace(/^comity-link:/, "").replaceAll("-", "").match(/.{1,4}/gu) ?? [];
}

export function LinkThis({ onBack }: { onBack: () => void }) {
  const core = useCore();
  const tell = useTell();
  const { words, format } = useSpeech();
  const now = useNow();
  const [code, setCode] = useState<{ readonly code: string; readonly expires_ms: number }>();
  const [error, setError] = useState<string>();
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    core.act({ start_link: { device_name: browserName(navigator.userAgent) } }).then((events) => {
      const told = events.find((event) => event.event === "link_code");
      if (told?.event === "link_code") setCode(told);
    }, (refused: unknown) => { setError(words.told.failure(codeOf(refused))); });
  }, [core, words, asked]);
  useEvents(useCallback((event: CoreEvent) => {
    if (event.event === "link_code") setCode(event);
    if (event.event === "failed" && event.act === "link") setError(words.told.failure(event.code));
  }, [words]));
  const over = code !== undefined && code.expires_ms <= now;
  const again = (): void => {
    setError(undefined);
    setCode(undefined);
    setAsked(asked + 1);
  };
  return (
    <Step
      title={words.start.linkTitle}
      about={<ol className={styles.list}>{words.start.linkSteps.map((step) => <li key={step}>{step}</li>)}</ol>}
      onBack={onBack}
      onNext={again}
      error={over ? words.start.linkOver : error}
      acts={(over || error !== undefined) && <Button kind="lead" wide submits>{words.start.linkAgain}</Button>}
    >
      {code === undefined ? error === undefined && <ProgressBar label={words.loading} share={null} /> : !over && (
        <div className={styles.linking}>
          <QrCode text={code.code} label={words.start.linkQr} size={14} />
          <p className={styles.code} dir="ltr">{grouped(code.code).map((part, n) => <span key={n}>{part} </span>)}</p>
          <Button kind="plain" size="small" icon={Copy} onClick={() => {
            void navigator.clipboard.writeText(code.code).then(() => { tell(words.talk.copied); });
          }}>{words.start.copyCode}</Button>
          <p role="status" className={styles.small}>{words.start.linkWaits(format.time(code.expires_ms))}</p>
        </div>
      )}
    </Step>
  );
}
