import { Check, MessageCircle, Phone, Pin, Plus, Search, Send, Trash2 } from "lucide-react";
import { Button, IconButton } from "../../ui/basics/Button";
import { Ticks } from "../../ui/basics/Icon";
import { progressWord } from "../../ui/timeline/Bubble";
import { useSpeech } from "../../ui/words/context";
import { type Part, State } from "../Stage";
import styles from "../show.module.css";

const ROLES = [
  "ground", "surface", "raised", "sunken", "selected", "text", "text-soft", "edge", "lead", "lead-soft", "call", "call-soft", "good", "good-soft",
  "bad", "bad-soft", "told-soft", "bubble-own", "bubble-other", "notice",
  ...Array.from({ length: 10 }, (_, n) => `person-${String(n)}`),
];

function Colours() {
  return (
    <State name="Roles" wide>
      <div className={styles.swatches} lang="en">
        {ROLES.map((role) => <div key={role} className={styles.swatch}><span style={{ background: `var(--${role})` }} />{role}</div>)}
      </div>
    </State>
  );
}

function Type() {
  const { words } = useSpeech();
  const sizes = ["display", "title", "strong", "body", "small", "micro"];
  return (
    <State name="Scale" wide>
      <div className={styles.stack}>
        {sizes.map((size) => <p key={size} style={{ fontSize: `var(--type-${size})` }}>{words.safetyHelp("Ana")}</p>)}
      </div>
    </State>
  );
}

function Buttons() {
  const { words } = useSpeech();
  const kinds = ["lead", "soft", "plain", "bad"] as const;
  return (
    <>
      {kinds.map((kind) => (
        <State key={kind} name={kind}>
          <div className={styles.row}>
            <Button kind={kind}>{kind === "bad" ? words.remove : words.accept}</Button>
            <Button kind={kind} icon={kind === "bad" ? Trash2 : Plus}>{words.open}</Button>
            <Button kind={kind} size="small">{words.retry}</Button>
            <Button kind={kind} disabled>{words.save}</Button>
            <Button kind={kind} waits>{words.save}</Button>
          </div>
        </State>
      ))}
      <State name="wide" phone><Button kind="lead" wide icon={MessageCircle}>{words.write}</Button></State>
    </>
  );
}

function IconButtons() {
  const { words } = useSpeech();
  return (
    <State name="plain, soft, lead, pressed, small, disabled">
      <div className={styles.row}>
        <IconButton icon={Search} label={words.search} />
        <IconButton icon={Phone} label={words.phoneNumber} kind="soft" />
        <IconButton icon={Send} label={words.send} kind="lead" turns />
        <IconButton icon={Pin} label={words.pinned} pressed />
        <IconButton icon={Check} label={words.accept} small />
        <IconButton icon={Trash2} label={words.remove} disabled />
      </div>
    </State>
  );
}

function TickStates() {
  const { words } = useSpeech();
  return (
    <>
      {(["sending", "sent", "delivered", "read", "failed"] as const).map((progress) => (
        <State key={progress} name={progress}><Ticks progress={progress} label={progressWord(progress, words)} /></State>
      ))}
    </>
  );
}

export const basics: readonly Part[] = [
  { id: "colours", title: "Colours", group: "Basics", Show: Colours },
  { id: "type", title: "Type", group: "Basics", Show: Type },
  { id: "buttons", title: "Buttons", group: "Basics", Show: Buttons },
  { id: "icon-buttons", title: "Icon buttons and tips", group: "Basics", Show: IconButtons },
  { id: "ticks", title: "Ticks", group: "Basics", Show: TickStates },
];
