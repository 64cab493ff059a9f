/** The pages behind the rows of `Settings.tsx`. */
import { type ReactNode, useState } from "react";
import type { AccountView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { RadioGroup, Switch } from "../../ui/fields/Choices";
import { TextField, TextArea } from "../../ui/fields/TextField";
import { Across, ControlRow, FormLayout, Section, SettingsRow } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";
import { languageOf } from "../App";
import { Page } from "../people/Page";
import styles from "../people/people.module.css";
import { useAct, useCore, useGive, useHabits, useKept, usePhotoOf, useStorageKept } from "../state/context";
import { ofPerson } from "../state/photos";
import { back, type SettingsPage } from "../state/route";
import { ApprovePage } from "./Approve";
import { DeletePage } from "./Delete";
import { DevicesPage } from "./Devices";
import { LockPage } from "./Lock";
import { NumberPage } from "./ChangeNumber";
import { PhotoField } from "./PhotoField";
import { RecoveryPage } from "./Recovery";

export function SettingsPageShown({ page, account }: { page: SettingsPage; account: AccountView }) {
  const { words } = useSpeech();
  const titles: Readonly<Record<SettingsPage, string>> = {
    profile: words.self.profile, devices: words.self.devices, approve: words.self.approve, recovery: words.self.recovery, lock: words.self.lock,
    number: words.self.changeNumber, look: words.self.look, alerts: words.self.alerts, storage: words.self.storage, delete: words.self.deleteAccount,
  };
  return <Page title={titles[page]} onBack={() => { back({ at: "settings" }); }}><Shown page={page} account={account} /></Page>;
}

function Shown({ page, account }: { page: SettingsPage; account: AccountView }): ReactNode {
  switch (page) {
    case "profile":
      return <Profile account={account} />;
    case "devices":
      return <DevicesPage account={account} />;
    case "approve":
      return <ApprovePage account={account} />;
    case "recovery":
      return <RecoveryPage account={account} />;
    case "lock":
      return <LockPage />;
    case "number":
      return <NumberPage account={account} />;
    case "look":
      return <Look />;
    case "alerts":
      return <Alerts />;
    case "storage":
      return <StoragePage />;
    case "delete":
      return <DeletePage />;
  }
}

function Profile({ account }: { account: AccountView }) {
  const { words } = useSpeech();
  const give = useGive();
  const act = useAct();
  const [name, setName] = useState(account.name);
  const [about, setAbout] = useState(account.about);
  const [photo, setPhoto] = useState<Blob | null | undefined>();
  const picture = usePhotoOf(ofPerson(account.address));
  const save = async (): Promise<void> => {
    if (name.trim() === "") return;
    if (photo !== undefined) {
      const path = photo === null ? null : await give(photo);
      if (photo !== null && path === null) return;
      if (await act({ set_photo: { path, size: photo?.size ?? 0, media_type: photo?.type ?? "" } }) === null) return;
      setPhoto(undefined);
    }
    await act({ set_profile: { name: name.trim(), about: about.trim() } }, words.self.profileSaved);
  };
  return (
    <>
      <FormLayout label={words.self.profile} onSubmit={() => { void save(); }} acts={<Button kind="lead" submits>{words.save}</Button>}>
        <Across><PhotoField id={account.address} name={name} has={account.photo !== null} picture={picture} onPhoto={setPhoto} /></Across>
        <Across><TextField label={words.start.nameLabel} maxLength={64} value={name} onChange={setName} error={name.trim() === "" ? words.start.nameEmpty : undefined} /></Across>
        <Across><TextArea label={words.self.about} optional maxLength={140} value={about} onChange={setAbout} /></Across>
      </FormLayout>
      <p className={styles.about}>{words.self.profileWho}</p>
    </>
  );
}

function Look() {
  const { words } = useSpeech();
  const habits = useHabits();
  const kept = useKept();
  const language = habits.language ?? languageOf(navigator.languages);
  return (
    <>
      <Section>
        <ControlRow>
          <RadioGroup
            label={words.self.theme}
            value={habits.theme}
            options={(["system", "light", "dark"] as const).map((value) => ({ value, label: words.self.themes[value] }))}
            onChange={(theme) => { kept.set({ theme }); }}
          />
        </ControlRow>
      </Section>
      <Section>
        <ControlRow>
          <RadioGroup
            label={words.self.language}
            value={language}
            options={[{ value: "en", label: "English" }, { value: "ar", label: "العربية" }]}
            onChange={(chosen) => { kept.set({ language: chosen }); }}
          />
        </ControlRow>
      </Section>
    </>
  );
}

function Alerts() {
  const { words } = useSpeech();
  const habits = useHabits();
  const kept = useKept();
  const [refused, setRefused] = useState(() => !("Notification" in window) || Notification.permission === "denied");
  const set = async (on: boolean): Promise<void> => {
    if (!on) {
      kept.set({ notifies: false });
      return;
    }
    const answer = await Notification.requestPermission();
    setRefused(answer === "denied");
    kept.set({ notifies: answer === "granted" });
  };
  return (
    <>
      {refused && <Banner kind="caution">{words.self.alertsRefused}</Banner>}
      <Section about={words.self.alertsAbout}>
        <ControlRow><Switch label={words.self.alerts} checked={habits.notifies} disabled={refused} onChange={(on) => { void set(on); }} /></ControlRow>
      </Section>
    </>
  );
}

function StoragePage() {
  const { words } = useSpeech();
  const core = useCore();
  const { persisted } = useStorageKept();
  const [asked, setAsked] = useState(false);
  return (
    <>
      {persisted === true && <Banner kind="good">{words.self.storageKept}</Banner>}
      {persisted === false && (
        <Banner
          kind="caution"
          acts={<Button size="small" kind="plain" onClick={() => { void core.persist().then(() => { setAsked(true); }); }}>{words.self.askStorage}</Button>}
        >
          {words.self.storageLoose}
        </Banner>
      )}
      {persisted === false && asked && <Banner kind="information">{words.self.storageRefused}</Banner>}
      <Section title={words.self.storageHow}>
        {words.self.storageSteps.map((step) => <SettingsRow key={step} label={step} />)}
      </Section>
      <p className={styles.about}>{words.self.storageAbout}</p>
    </>
  );
}
