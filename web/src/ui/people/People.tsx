/** People in lists and on cards: a member, a request, a safety number, a QR code. */
import { BadgeCheck, Ban, ShieldCheck } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Badge } from "../feedback/Badge";
import { Button } from "../basics/Button";
import { Icon } from "../basics/Icon";
import { useSpeech } from "../words/context";
import { Avatar, type AvatarProps } from "./Avatar";
import { Apart } from "../text/Apart";
import styles from "./people.module.css";

/** Who somebody is, or which group, as it is shown. */
export type Person = Pick<AvatarProps, "id" | "name" | "picture" | "group" | "online">;

export interface MemberRowProps {
  readonly person: Person;
  readonly about?: string;
  readonly admin?: boolean;
  readonly verified?: boolean;
  readonly own?: boolean;
  /** What can be done with them: a menu. */
  readonly acts?: ReactNode;
  readonly onOpen?: () => void;
}

export function MemberRow({ person, about, admin, verified, own, acts, onOpen }: MemberRowProps) {
  const { words } = useSpeech();
  const inside = (
    <>
      <Avatar {...person} size={2.625} />
      <span className={styles.main}>
        <span className={styles.nameLine}>
          <Apart className={styles.name} text={own === true ? words.you : person.name} />
          {verified === true && (
            <span role="img" aria-label={words.verified} title={words.verified} className={styles.verified}><Icon of={BadgeCheck} size={1.125} /></span>
          )}
        </span>
        {about !== undefined && <Apart className={styles.about} text={about} />}
      </span>
      {admin === true && <Badge kind="soft">{words.admin}</Badge>}
    </>
  );
  return (
    <div className={styles.member}>
      {onOpen === undefined ? <div className={styles.press}>{inside}</div> : (
        <button type="button" className={styles.press} onClick={onOpen}>{inside}</button>
      )}
      {acts}
    </div>
  );
}

export interface RequestCardProps {
  readonly person: Person;
  /** How they are reached, where it is known: a number. */
  readonly address?: string;
  /** Absent where it is not known. */
  readonly groupsInCommon?: number;
  readonly onAccept: () => void;
  readonly onDecline: () => void;
  readonly onBlock: () => void;
  readonly waits?: boolean;
}

/** Somebody unknown wrote first. */
export function RequestCard({ person, address, groupsInCommon, onAccept, onDecline, onBlock, waits = false }: RequestCardProps) {
  const { words } = useSpeech();
  return (
    <section className={styles.card} aria-label={words.wantsToTalk(person.name)}>
      <Avatar {...person} size={4.5} />
      <h3 className={styles.cardTitle}>{words.wantsToTalk(person.name)}</h3>
      <p className={styles.about}>
        {address !== undefined && <bdi dir="ltr">{address}</bdi>}
        {address !== undefined && groupsInCommon !== undefined && " · "}
        {groupsInCommon !== undefined && words.groupsInCommon(groupsInCommon)}
      </p>
      <p className={styles.about}>{words.requestHelp}</p>
      <div className={styles.cardActs}>
        <Button kind="plain" icon={Ban} onClick={onBlock}>{words.block}</Button>
        <Button kind="soft" onClick={onDecline}>{words.decline}</Button>
        <Button kind="lead" waits={waits} onClick={onAccept}>{words.accept}</Button>
      </div>
    </section>
  );
}

/** A text as a QR code, dark on light in every theme: so every camera reads it. */
export function QrCode({ text, label, size = 12 }: { text: string; label: string; size?: number }) {
  const [code, setCode] = useState<{ readonly of: string; readonly side: number; readonly path: string }>();
  useEffect(() => {
    let gone = false;
    // Where it can not be fetched, what it says stands beside it.
    import("./qr").then(({ codeOf }) => { if (!gone) setCode({ of: text, ...codeOf(text) }); }, () => undefined);
    return () => { gone = true; };
  }, [text]);
  const drawn = code?.of === text ? code : undefined;
  const side = drawn?.side ?? 1;
  return (
    <svg
      {...(drawn === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}
      className={styles.qr}
      viewBox={`0 0 ${String(side)} ${String(side)}`}
      shapeRendering="crispEdges"
      style={{ inlineSize: `${String(size)}rem` }}
    >
      {drawn !== undefined && <path d={drawn.path} />}
    </svg>
  );
}

export interface SafetyNumberProps {
  /** With whom. */
  readonly name: string;
  /** 60 digits. */
  readonly digits: string;
  /** What the code holds. */
  readonly code: string;
  readonly verified: boolean;
  readonly onVerify: () => void;
}

/** Twelve groups of five digits and the same as a code. */
export function SafetyNumber({ name, digits, code, verified, onVerify }: SafetyNumberProps) {
  const { words } = useSpeech();
  const groups = digits.match(/.{1,5}/g) ?? [];
  return (
    <section className={styles.card} aria-label={words.safetyNumber}>
      <QrCode text={code} label={words.qrCode} />
      {/* Digits are compared as they are written on every device. */}
      <p className={styles.digits} dir="ltr" lang="en">
        {groups.map((group, n) => <span key={n}>{group} </span>)}
      </p>
      <p className={styles.about}>{words.safetyHelp(name)}</p>
      {verified ? (
        <p className={styles.isVerified}><Icon of={ShieldCheck} /> {words.verified}</p>
      ) : (
        <Button kind="lead" icon={ShieldCheck} onClick={onVerify}>{words.safetyMatches}</Button>
      )}
    </section>
  );
}
