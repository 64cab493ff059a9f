/** The steps of signing up, each a card in the middle of a calm page. */
import { Laptop, MessageCircle } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { CodeOrdered } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { NoConversations } from "../../ui/feedback/Drawings";
import { CodeField } from "../../ui/fields/CodeField";
import { CountryPicker } from "../../ui/fields/CountryPicker";
import { TextArea, TextField } from "../../ui/fields/TextField";
import { useSpeech } from "../../ui/words/context";
import { useNow } from "../state/context";
import { PhotoField } from "../yourself/PhotoField";
import { BackButton } from "./BackButton";
import styles from "./start.module.css";

interface StepProps {
  readonly title: string;
  readonly about: ReactNode;
  readonly onBack?: (() => void) | undefined;
  readonly onNext: () => void;
  readonly error?: string | undefined;
  readonly acts: ReactNode;
  readonly children?: ReactNode;
}

/** What is written into first, the likeliest first: the country of a number is known already, and a photo is a file's. */
const WRITTEN_FIRST = ["input[type=tel]", "input:not([type=file]), textarea"];

/** A step: what is written into has the focus, or else its title, so that it is read out. */
export function Step({ title, about, onBack, onNext, error, acts, children }: StepProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const form = heading.current?.closest("form");
    const first = WRITTEN_FIRST.map((it) => form?.querySelector<HTMLElement>(it)).find((it) => it != null);
    (first ?? heading.current)?.focus();
  }, [title]);
  return (
    <main className={styles.page}>
      <form
        noValidate
        className={styles.card}
        onSubmit={(event) => {
          event.preventDefault();
          onNext();
        }}
      >
        {onBack !== undefined && <BackButton onBack={onBack} />}
        <h1 ref={heading} tabIndex={-1} className={styles.title}>{title}</h1>
        <div className={styles.about}>{about}</div>
        {error !== undefined && <Banner kind="bad">{error}</Banner>}
        {children !== undefined && <div className={styles.fields}>{children}</div>}
        <div className={styles.acts}>{acts}</div>
      </form>
    </main>
  );
}

export interface WelcomeProps {
  /** An invitation to a group waits. */
  readonly invited: boolean;
  readonly onNew: () => void;
  readonly onLink: () => void;
}

export function Welcome({ invited, onNew, onLink }: WelcomeProps) {
  const { words } = useSpeech();
  return (
    <main className={styles.page}>
      <div className={styles.welcome}>
        <NoConversations />
        <h1 className={styles.brand}>{words.start.welcome}</h1>
        <p className={styles.about}>{words.start.welcomeAbout}</p>
        {invited && <Banner kind="information">{words.start.invited}</Banner>}
        <div className={styles.acts}>
          <Button kind="lead" wide icon={MessageCircle} onClick={onNew}>{words.start.begin}</Button>
          <Button kind="soft" wide icon={Laptop} onClick={onLink}>{words.start.link}</Button>
        </div>
        <p className={styles.small}>{words.start.sealed}</p>
      </div>
    </main>
  );
}

interface Common {
  readonly waits: boolean;
  readonly error?: string;
  readonly onBack: () => void;
}

export interface NumberStepProps extends Common {
  readonly country: string | null;
  readonly onCountry: (country: string) => void;
  readonly number: string;
  readonly onNumber: (number: string) => void;
  readonly onNext: () => void;
}

export function NumberStep({ country, onCountry, number, onNumber, waits, error, onBack, onNext }: NumberStepProps) {
  const { words } = useSpeech();
  const [tried, setTried] = useState(false);
  const empty = number.trim() === "";
  return (
    <Step
      title={words.start.number}
      about={words.start.numberAbout}
      onBack={onBack}
      error={error}
      onNext={() => {
        setTried(true);
        if (!empty) onNext();
      }}
      acts={<Button kind="lead" wide submits waits={waits}>{words.start.orderCode}</Button>}
    >
      <CountryPicker value={country} onChange={onCountry} />
      <TextField label={words.phoneNumber} type="tel" autoComplete="tel" value={number} onChange={onNumber} error={tried && empty ? words.start.numberEmpty : undefined} />
    </Step>
  );
}

export interface CodeStepProps extends Common {
  readonly ordered: CodeOrdered | null;
  readonly code: string;
  readonly onCode: (code: string) => void;
  readonly onAgain: () => void;
  readonly onNext: () => void;
}

export function CodeStep({ ordered, code, onCode, onAgain, waits, error, onBack, onNext }: CodeStepProps) {
  const { words, format } = useSpeech();
  const now = useNow();
  const over = ordered !== null && ordered.expires_ms <= now;
  const next = (): void => {
    if (code.length === 6 && !over) onNext();
  };
  return (
    <Step
      title={words.start.code}
      about={words.start.codeAbout(ordered?.number ?? "")}
      onBack={onBack}
      onNext={next}
      error={over ? words.start.codeOver : error}
      acts={(
        <>
          <Button kind="lead" wide submits waits={waits} disabled={code.length < 6 || over}>{words.start.next}</Button>
          <Button kind="plain" wide onClick={onAgain}>{words.start.codeAgain}</Button>
        </>
      )}
    >
      <CodeField label={words.start.codeLabel} value={code} onChange={onCode} />
      {ordered !== null && !over && <p className={styles.small}>{words.start.codeUntil(format.time(ordered.expires_ms))}</p>}
    </Step>
  );
}

export interface NameStepProps extends Common {
  readonly name: string;
  readonly onName: (name: string) => void;
  readonly onPhoto: (photo: Blob | null) => void;
  readonly onNext: () => void;
}

export function NameStep({ name, onName, onPhoto, waits, error, onBack, onNext }: NameStepProps) {
  const { words } = useSpeech();
  const [tried, setTried] = useState(false);
  const empty = name.trim() === "";
  return (
    <Step
      title={words.start.name}
      about={words.start.nameAbout}
      onBack={onBack}
      error={error}
      onNext={() => {
        setTried(true);
        if (!empty) onNext();
      }}
      acts={<Button kind="lead" wide submits waits={waits}>{words.start.done}</Button>}
    >
      <PhotoField id="new" name={name} onPhoto={onPhoto} />
      <TextField label={words.start.nameLabel} autoComplete="name" maxLength={64} value={name} onChange={onName} error={tried && empty ? words.start.nameEmpty : undefined} />
    </Step>
  );
}

export interface HasAccountProps {
  readonly recoverable: boolean;
  readonly onRecover: () => void;
  readonly onLink: () => void;
  readonly onTakeOver: () => void;
  readonly onBack: () => void;
}

export function HasAccountStep({ recoverable, onRecover, onLink, onTakeOver, onBack }: HasAccountProps) {
  const { words } = useSpeech();
  return (
    <Step
      title={words.start.hasAccount}
      about={words.start.hasAccountAbout}
      onBack={onBack}
      onNext={recoverable ? onRecover : onLink}
      acts={(
        <>
          {recoverable && <Button kind="lead" wide submits>{words.start.recover}</Button>}
          <Button kind={recoverable ? "soft" : "lead"} wide onClick={onLink}>{words.start.link}</Button>
          <Button kind="plain" wide onClick={onTakeOver}>{words.start.takeOver}</Button>
        </>
      )}
    />
  );
}

export function RecoverStep({ waits, error, onBack, onNext }: Common & { onNext: (phrase: string) => void }) {
  const { words } = useSpeech();
  const [phrase, setPhrase] = useState("");
  const count = phrase.trim().split(/\s+/u).filter((word) => word !== "").length;
  return (
    <Step
      title={words.start.recoverTitle}
      about={words.start.recoverAbout}
      onBack={onBack}
      error={error}
      onNext={() => { if (count === 12) onNext(phrase.trim()); }}
      acts={<Button kind="lead" wide submits waits={waits} disabled={count !== 12}>{words.start.recover}</Button>}
    >
      <TextArea label={words.start.recoverLabel} help={words.start.wordsOf(count, 12)} value={phrase} onChange={setPhrase} />
    </Step>
  );
}

export function TakeOverStep({ waits, error, onBack, onNext, lockedUntilMs }: Common & { lockedUntilMs: number | null; onNext: (passphrase: string | null) => void }) {
  const { words, format } = useSpeech();
  const [passphrase, setPassphrase] = useState("");
  const now = useNow();
  const locked = lockedUntilMs !== null && lockedUntilMs > now;
  return (
    <Step
      title={words.start.takeOverTitle}
      about={words.start.takeOverAbout}
      onBack={onBack}
      error={error}
      onNext={() => { onNext(passphrase === "" ? null : passphrase); }}
      acts={<Button kind="bad" wide submits waits={waits}>{words.start.takeOver}</Button>}
    >
      {locked && <TextField label={words.self.lockPassphrase} help={words.start.lockedUntil(format.day(lockedUntilMs, now))} type="password" value={passphrase} onChange={setPassphrase} />}
    </Step>
  );
}
