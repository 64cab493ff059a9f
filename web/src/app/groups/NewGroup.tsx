/** A new group: who, what it is called, and what members may do. */
import { useState } from "react";
import type { PermissionsView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { TextArea, TextField } from "../../ui/fields/TextField";
import { Across, FormLayout } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";
import { Page } from "../people/Page";
import { PhotoField } from "../yourself/PhotoField";
import { useAct, useGive } from "../state/context";
import { back, go } from "../state/route";
import { Permissions } from "./Permissions";
import { PickPeople } from "./PickPeople";

export const FIRST_PERMISSIONS: PermissionsView = { members_add: true, members_edit: true, only_admins_speak: false, history_for_new: false };
const nobody: ReadonlySet<string> = new Set();

export function NewGroup() {
  const { words } = useSpeech();
  const give = useGive();
  const act = useAct();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [photo, setPhoto] = useState<Blob | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(nobody);
  const [permissions, setPermissions] = useState(FIRST_PERMISSIONS);
  const [tried, setTried] = useState(false);
  const [waits, setWaits] = useState(false);
  const make = async (): Promise<void> => {
    setTried(true);
    if (name.trim() === "") return;
    setWaits(true);
    const details = { name: name.trim(), ...(description.trim() !== "" && { description: description.trim() }) };
    const events = await act({ create_group: { details, members: [...chosen], permissions } });
    setWaits(false);
    const made = events?.find((event) => event.event === "conversation_changed");
    if (made?.event !== "conversation_changed") {
      if (events !== null) go({ at: "chats" }, true);
      return;
    }
    const path = photo === null ? null : await give(photo);
    // The group is there, with or without its picture.
    if (photo !== null && path !== null) await act({ set_group_photo: { conversation: made.conversation, path, size: photo.size, media_type: photo.type } });
    go({ at: "conversation", id: made.conversation }, true);
  };
  return (
    <Page title={words.group.begin} onBack={() => { back({ at: "people" }); }}>
      <FormLayout label={words.group.begin} onSubmit={() => { void make(); }} acts={<Button kind="lead" submits waits={waits}>{words.group.make}</Button>}>
        <Across><PhotoField id="group" name={name} group onPhoto={setPhoto} /></Across>
        <Across><TextField label={words.group.name} maxLength={100} value={name} onChange={setName} error={tried && name.trim() === "" ? words.group.nameEmpty : undefined} /></Across>
        <Across><TextArea label={words.group.description} optional maxLength={512} value={description} onChange={setDescription} /></Across>
        <Across><PickPeople chosen={chosen} without={nobody} onChange={setChosen} /></Across>
        <Across><Permissions titled permissions={permissions} onChange={setPermissions} /></Across>
      </FormLayout>
    </Page>
  );
}
