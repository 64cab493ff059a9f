/**
 * Before there is an account: welcome, number, code, name and photo; or the words that bring an account
 * back; or a link to a device that has one.
 *
 * Always holds: each step says what is wrong and what to do, and keeps what was typed. Deliberately
 * absent: what comes after; the account appears, and the app with it.
 */
import { useCallback, useEffect, useState } from "react";
import type { CodeOrdered } from "../../core/types";
import { useSpeech } from "../../ui/words/context";
import { readersRegion } from "../../ui/words/format";
import { useCore, useEvents } from "../state/context";
import { codeOf, type Command, type CoreEvent } from "../state/face";
import { useRoute } from "../state/route";
import { CodeStep, HasAccountStep, NameStep, NumberStep, RecoverStep, TakeOverStep, Welcome } from "./steps";
import { LinkThis } from "./LinkThis";

type Step = "welcome" | "number" | "code" | "name" | "hasAccount" | "recover" | "takeOver" | "link";

interface Exists {
  readonly recoverable: boolean;
  readonly lockedUntilMs: number | null;
}

const ACTS = ["register", "code", "create_account", "recover"];

export interface StartProps {
  /** The photo that was chosen: it is set once there is an account. */
  readonly onPhoto: (photo: Blob | null) => void;
}

export function Start({ onPhoto }: StartProps) {
  const core = useCore();
  const { words } = useSpeech();
  const route = useRoute();
  // Its address stays as it is: across a reload, and until there is an account to join with.
  const invited = route.at === "join" && route.link !== undefined;
  const [step, setStep] = useState<Step>("welcome");
  const [country, setCountry] = useState(readersRegion);
  const [number, setNumber] = useState("");
  const [code, setCode] = useState("");
  const [name, setName] = useState("");
  const [ordered, setOrdered] = useState<CodeOrdered | null>(null);
  const [exists, setExists] = useState<Exists | null>(null);
  const [waits, setWaits] = useState(false);
  const [error, setError] = useState<string>();
  const goTo = (to: Step): void => {
    setError(undefined);
    setStep(to);
  };
  useEffect(() => {
    // A code that was ordered before a reload.
    core.ask<"code_ordered">("code_ordered").then((it) => {
      if (it === null) return;
      setOrdered(it);
      setStep((now) => (now === "welcome" ? "code" : now));
    }, () => undefined);
  }, [core]);
  useEvents(useCallback((event: CoreEvent) => {
    if (event.event === "code_sent") {
      setWaits(false);
      setOrdered({ number: event.number, expires_ms: event.expires_ms });
      setStep((now) => (now === "number" ? "code" : now));
    } else if (event.event === "number_has_account") {
      setWaits(false);
      setExists({ recoverable: event.recoverable, lockedUntilMs: event.locked_until_ms });
      setStep("hasAccount");
    } else if (event.event === "failed" && ACTS.includes(event.act)) {
      setWaits(false);
      setError(words.told.failure(event.code));
      if (event.code === "code_wrong") setCode("");
      if (event.code === "code_wrong" || event.code === "code_expired") setStep("code");
    }
  }, [words]));
  const doing = async (command: Command): Promise<void> => {
    setError(undefined);
    setWaits(true);
    try {
      await core.act(command);
    } catch (refused) {
      setWaits(false);
      setError(words.told.failure(codeOf(refused)));
    }
  };
  const order = (): Promise<void> => doing({ start_registration: { number, country } });
  const common = { waits, ...(error !== undefined && { error }) };
  switch (step) {
    case "welcome":
      return <Welcome invited={invited} onNew={() => { goTo("number"); }} onLink={() => { goTo("link"); }} />;
    case "number":
      return <NumberStep {...common} country={country} onCountry={setCountry} number={number} onNumber={setNumber} onBack={() => { goTo("welcome"); }} onNext={() => { void order(); }} />;
    case "code":
      return (
        <CodeStep
          {...common}
          ordered={ordered}
          code={code}
          onCode={setCode}
          onAgain={() => { if (number === "") goTo("number"); else void order(); }}
          onBack={() => { goTo("number"); }}
          onNext={() => { goTo("name"); }}
        />
      );
    case "name":
      return <NameStep {...common} name={name} onName={setName} onPhoto={onPhoto} onBack={() => { goTo("code"); }} onNext={() => { void doing({ enter_code: { code, name: name.trim() } }); }} />;
    case "hasAccount":
      return <HasAccountStep recoverable={exists?.recoverable === true} onRecover={() => { goTo("recover"); }} onLink={() => { goTo("link"); }} onTakeOver={() => { goTo("takeOver"); }} onBack={() => { goTo("number"); }} />;
    case "recover":
      return <RecoverStep {...common} onBack={() => { goTo("hasAccount"); }} onNext={(phrase) => { void doing({ recover: { phrase } }); }} />;
    case "takeOver":
      return <TakeOverStep {...common} lockedUntilMs={exists?.lockedUntilMs ?? null} onBack={() => { goTo("hasAccount"); }} onNext={(passphrase) => { void doing({ take_over: { passphrase } }); }} />;
    case "link":
      return <LinkThis onBack={() => { goTo("welcome"); }} />;
  }
}
