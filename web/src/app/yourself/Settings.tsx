/** Oneself: what there is to set, each on its own page. */
import { Bell, HardDrive, KeyRound, Laptop, LockKeyhole, Palette, Phone, QrCode, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import type { AccountView } from "../../core/types";
import { Header, Screen } from "../../ui/frames/Frames";
import { Section, SettingsRow } from "../../ui/frames/Rows";
import { MemberRow } from "../../ui/people/People";
import { useSpeech } from "../../ui/words/context";
import styles from "../people/people.module.css";
import { useHabits, usePhotoOf, useStorageKept } from "../state/context";
import { ofPerson } from "../state/photos";
import { go, type SettingsPage } from "../state/route";

export function Settings({ account, foot }: { account: AccountView; foot: ReactNode; open: SettingsPage | undefined }) {
  const { words, format } = useSpeech();
  const habits = useHabits();
  const { persisted } = useStorageKept();
  const picture = usePhotoOf(ofPerson(account.address));
  const to = (page: SettingsPage) => () => { go({ at: "settings", page }); };
  return (
    <Screen label={words.self.title} on="ground" foot={foot} header={<Header large title={words.self.title} />}>
      <div className={styles.column}>
        <Section>
          <MemberRow person={{ id: account.address, name: account.name === "" ? account.number : account.name, picture }} about={account.about === "" ? account.number : account.about} onOpen={to("profile")} />
        </Section>
        <Section>
          <SettingsRow icon={Laptop} label={words.self.devices} value={format.number(account.devices.length)} onOpen={to("devices")} />
          <SettingsRow icon={QrCode} label={words.self.approve} onOpen={to("approve")} />
        </Section>
        <Section title={words.self.safety}>
          <SettingsRow icon={KeyRound} label={words.self.recovery} onOpen={to("recovery")} />
          <SettingsRow icon={LockKeyhole} label={words.self.lock} onOpen={to("lock")} />
          <SettingsRow icon={Phone} label={words.self.changeNumber} {...(account.number !== "" && { value: account.number })} onOpen={to("number")} />
        </Section>
        <Section title={words.self.thisBrowser}>
          <SettingsRow icon={Palette} label={words.self.look} value={words.self.themes[habits.theme]} onOpen={to("look")} />
          <SettingsRow icon={Bell} label={words.self.alerts} value={habits.notifies ? words.self.on : words.self.off} onOpen={to("alerts")} />
          <SettingsRow icon={HardDrive} label={words.self.storage} {...(persisted === false && { value: words.self.loose })} onOpen={to("storage")} />
        </Section>
        <Section><SettingsRow icon={Trash2} bad label={words.self.deleteAccount} onOpen={to("delete")} /></Section>
      </div>
    </Screen>
  );
}
