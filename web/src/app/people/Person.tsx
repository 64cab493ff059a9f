/** A person: what is known of them, how sure it is, and what can be done. */
import { Ban, Flag, MessageCircle, ShieldCheck, Undo2 } from "lucide-react";
import { useState } from "react";
import type { ContactView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { Section, SettingsRow } from "../../ui/frames/Rows";
import { Dialog } from "../../ui/overlays/Dialog";
import { Avatar } from "../../ui/people/Avatar";
import { useSpeech } from "../../ui/words/context";
import { ReportDialog } from "../conversation/dialogs";
import { TimerRow } from "../groups/TimerRow";
import { MuteRow } from "../home/Mute";
import { useAct, useContact, useNameOf, usePhotoOf, useShared } from "../state/context";
import { ofPerson } from "../state/photos";
import { back, go } from "../state/route";
import { GroupsInCommon } from "./GroupsInCommon";
import { Page } from "./Page";
import { Apart } from "../../ui/text/Apart";
import styles from "./people.module.css";

export function Person({ address }: { address: string }) {
  const { words } = useSpeech();
  const contact = useContact(address);
  const nameOf = useNameOf();
  return (
    <Page title={words.people.one} deep onBack={() => { back({ at: "people" }); }}>
      {contact === undefined ? (
        <>
          <div className={styles.face}>
            <Avatar id={address} name={nameOf(address)} size={6} />
            <h3 className={styles.name}><Apart text={nameOf(address)} /></h3>
            <p className={styles.about}>{words.people.unknown}</p>
          </div>
          <GroupsInCommon address={address} />
        </>
      ) : <Known contact={contact} />}
    </Page>
  );
}

function Known({ contact }: { contact: ContactView }) {
  const { words } = useSpeech();
  const act = useAct();
  const { conversations } = useShared();
  const [over, setOver] = useState<"block" | "report" | null>(null);
  const { address } = contact;
  const picture = usePhotoOf(ofPerson(address));
  const name = contact.name === "" ? contact.number : contact.name;
  const chat = conversations?.find((it) => it.peer === address);
  const close = (): void => { setOver(null); };
  return (
    <>
      <div className={styles.face}>
        <Avatar id={address} name={name} picture={picture} size={6} />
        <h3 className={styles.name}><Apart text={name} /></h3>
        {contact.number !== "" && <bdi dir="ltr" className={styles.about}>{contact.number}</bdi>}
        {contact.about !== "" && <p className={styles.about} dir="auto">{contact.about}</p>}
        {chat !== undefined && (
          <div className={styles.ways}>
            <Button kind="lead" icon={MessageCircle} onClick={() => { go({ at: "conversation", id: chat.conversation }); }}>{words.people.openChat}</Button>
          </div>
        )}
      </div>
      {contact.number_moved && <Banner kind="caution">{words.talk.numberMoved}</Banner>}
      <Section title={words.people.safety} about={words.people.sealedAbout}>
        <SettingsRow icon={ShieldCheck} label={words.safetyNumber} help={contact.verified ? words.people.verifiedHelp : words.people.unverifiedHelp} {...(contact.verified && { value: words.verified })} onOpen={() => { go({ at: "safety", address }); }} />
        <SettingsRow label={words.people.devices(contact.devices)} />
      </Section>
      {chat !== undefined && (
        <Section title={words.people.chat}>
          <MuteRow view={chat} />
          <TimerRow view={chat} may />
        </Section>
      )}
      <GroupsInCommon address={address} />
      <Section>
        {contact.blocked
          ? <SettingsRow icon={Undo2} label={words.people.unblock} onOpen={() => { void act({ block: { address, blocked: false } }); }} />
          : <SettingsRow icon={Ban} bad label={words.block} onOpen={() => { setOver("block"); }} />}
        <SettingsRow icon={Flag} bad label={words.report} onOpen={() => { setOver("report"); }} />
      </Section>
      <Dialog
        open={over === "block"}
        alerts
        onClose={close}
        title={words.people.blockTitle(name)}
        acts={(
          <>
            <Button kind="plain" onClick={close}>{words.cancel}</Button>
            <Button kind="bad" onClick={() => {
              close();
              void act({ block: { address, blocked: true } });
            }}>{words.block}</Button>
          </>
        )}
      >
        <p>{words.people.blockAbout}</p>
      </Dialog>
      {over === "report" && <ReportDialog address={address} lines={[]} onClose={close} />}
    </>
  );
}
