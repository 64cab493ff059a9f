import { EllipsisVertical, UserMinus } from "lucide-react";
import { useState } from "react";
import { Menu } from "../../ui/overlays/Menu";
import { Avatar, AvatarStack } from "../../ui/people/Avatar";
import { MemberRow, QrCode, RequestCard, SafetyNumber } from "../../ui/people/People";
import { useSpeech } from "../../ui/words/context";
import { FACE, LANDSCAPE, SAFETY_DIGITS, sample } from "../samples";
import { type Part, State } from "../Stage";
import styles from "../show.module.css";

const nothing = (): void => undefined;

function Avatars() {
  const { language } = useSpeech();
  const say = sample(language);
  return (
    <>
      <State name="people">
        <div className={styles.row}>
          <Avatar id="a" name={say.ana} picture={FACE} size={3.5} online />
          <Avatar id="b" name={say.ben} size={3.5} />
          <Avatar id="d" name={say.layla} size={3.5} online />
          <Avatar id="h" name="山田 太郎" size={2.5} />
          <Avatar id="u" name="" size={2.5} />
          <Avatar id="e" name="🌻" size={2} />
        </div>
      </State>
      <State name="groups">
        <div className={styles.row}>
          <Avatar id="g" name={say.choir} picture={LANDSCAPE} group size={3.5} />
          <Avatar id="k" name={say.street} group size={3.5} />
          <Avatar id="l" name="" group size={2.5} />
        </div>
      </State>
      <State name="several"><AvatarStack people={[{ id: "a", name: say.ana, picture: FACE }, { id: "b", name: say.ben }, { id: "d", name: say.layla }]} /></State>
      <State name="colours by id">
        <div className={styles.row}>{Array.from({ length: 14 }, (_, n) => <Avatar key={n} id={`id-${String(n)}`} name={String.fromCharCode(65 + n)} size={2.25} />)}</div>
      </State>
    </>
  );
}

function Members() {
  const { words, language } = useSpeech();
  const say = sample(language);
  const menu = <Menu small label={words.more} icon={EllipsisVertical} acts={[{ label: words.remove, icon: UserMinus, bad: true, onChoose: nothing }]} />;
  return (
    <State name="own, admin, verified, with acts" phone>
      <MemberRow own admin person={{ id: "me", name: words.you }} />
      <MemberRow verified person={{ id: "a", name: say.ana, picture: FACE, online: true }} about={say.about} acts={menu} onOpen={nothing} />
      <MemberRow admin person={{ id: "b", name: say.ben }} acts={menu} onOpen={nothing} />
      <MemberRow person={{ id: "d", name: say.layla }} about={say.about} onOpen={nothing} />
    </State>
  );
}

function Requests() {
  const { language } = useSpeech();
  const say = sample(language);
  return (
    <State name="a stranger wrote" phone>
      <RequestCard person={{ id: "y", name: say.yuki }} address="+81 90 1234 5678" groupsInCommon={2} onAccept={nothing} onDecline={nothing} onBlock={nothing} />
    </State>
  );
}

function Safety() {
  const { language } = useSpeech();
  const say = sample(language);
  const [verified, setVerified] = useState(false);
  return (
    <>
      <State name="to compare" phone><SafetyNumber name={say.ben} digits={SAFETY_DIGITS} code={SAFETY_DIGITS} verified={verified} onVerify={() => { setVerified(true); }} /></State>
      <State name="verified" phone><SafetyNumber name={say.ben} digits={SAFETY_DIGITS} code={SAFETY_DIGITS} verified onVerify={nothing} /></State>
    </>
  );
}

function Qr() {
  const { words } = useSpeech();
  return <State name="an invitation"><QrCode label={words.qrCode} text="https://chat.example.org/join#9vK2mPq7Xw3LzR8sT1uYbN5cD6eF0gHj" /></State>;
}

export const people: readonly Part[] = [
  { id: "avatar", title: "Avatar", group: "People", Show: Avatars },
  { id: "member", title: "Member row", group: "People", Show: Members },
  { id: "request", title: "Request card", group: "People", Show: Requests },
  { id: "safety-number", title: "Safety number", group: "People", Show: Safety },
  { id: "qr", title: "QR code", group: "People", Show: Qr },
];
