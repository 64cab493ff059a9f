/** The pages of a group that change it. */
import { Copy, Link, Share2, Unlink } from "lucide-react";
import { useCallback, useState } from "react";
import type { ConversationView, PermissionsView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner, ProgressBar } from "../../ui/feedback/Feedback";
import { TextArea, TextField } from "../../ui/fields/TextField";
import { Across, FormLayout } from "../../ui/frames/Rows";
import { QrCode } from "../../ui/people/People";
import { useSpeech } from "../../ui/words/context";
import { Page } from "../people/Page";
import styles from "../people/people.module.css";
import { PhotoField } from "../yourself/PhotoField";
import { useAct, useConversation, useEvents, useGive, usePhotoOf } from "../state/context";
import type { CoreEvent } from "../state/face";
import { ofGroup } from "../state/photos";
import { back, type GroupPage } from "../state/route";
import { useTell } from "../state/toasts";
import { inviteAddress } from "./invitation";
import { useMembers } from "./members";
import { Permissions } from "./Permissions";
import { PickPeople } from "./PickPeople";

export function Group({ id, page }: { id: number; page: GroupPage }) {
  const { words } = useSpeech();
  const view = useConversation(id);
  const titles = { add: words.group.add, permissions: words.group.permissions, link: words.group.link, edit: words.group.edit };
  const leave = (): void => { back({ at: "about", id }); };
  return (
    <Page title={titles[page]} deep onBack={leave}>
      {view?.group === undefined ? <p>{words.talk.noSuch}</p>
        : page === "add" ? <Add view={view} onDone={leave} />
        : page === "permissions" ? <Rules view={view} />
        : page === "link" ? <Invitation view={view} />
        : <Edit view={view} onDone={leave} />}
    </Page>
  );
}

function Add({ view, onDone }: { view: ConversationView; onDone: () => void }) {
  const { words } = useSpeech();
  const act = useAct();
  const { members, code } = useMembers(view);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  if (code !== undefined) return <Banner kind="bad">{words.told.failure(code)}</Banner>;
  if (members === undefined) return <ProgressBar label={words.loading} share={null} />;
  const add = async (): Promise<void> => {
    if (chosen.size > 0 && await act({ add_members: { conversation: view.conversation, members: [...chosen] } }, words.group.added(chosen.size)) !== null) onDone();
  };
  return (
    <FormLayout label={words.group.add} onSubmit={() => { void add(); }} acts={<Button kind="lead" submits disabled={chosen.size === 0}>{words.group.add}</Button>}>
      <Across><PickPeople chosen={chosen} without={new Set(members.map((it) => it.address))} onChange={setChosen} /></Across>
    </FormLayout>
  );
}

/** What one wishes stands there at once, so that the next wish begins from it: the group has it a moment later. */
function Rules({ view }: { view: ConversationView }) {
  const act = useAct();
  const told = view.group?.permissions;
  const [wished, setWished] = useState<PermissionsView | null>(null);
  const [was, setWas] = useState(told);
  if (told !== undefined && (was === undefined || !same(told, was))) {
    setWas(told);
    setWished(null);
  }
  // It can not be, or is not for this person any more.
  useEvents(useCallback((event: CoreEvent) => { if (event.event === "failed" && event.act === "set_permissions") setWished(null); }, []));
  if (told === undefined) return null;
  return (
    <Permissions
      permissions={wished ?? told}
      onChange={(permissions) => {
        setWished(permissions);
        void act({ set_permissions: { conversation: view.conversation, permissions } }).then((done) => { if (done === null) setWished(null); });
      }}
    />
  );
}

function same(one: PermissionsView, other: PermissionsView): boolean {
  return one.members_add === other.members_add && one.members_edit === other.members_edit
    && one.only_admins_speak === other.only_admins_speak && one.history_for_new === other.history_for_new;
}

function Invitation({ view }: { view: ConversationView }) {
  const { words } = useSpeech();
  const act = useAct();
  const tell = useTell();
  const link = view.group?.link ?? null;
  const admin = view.group?.admin === true;
  const conversation = view.conversation;
  const address = link === null ? "" : inviteAddress(link, location.origin);
  const copy = (): void => { void navigator.clipboard.writeText(address).then(() => { tell(words.talk.copied); }); };
  const share = (): void => {
    // Not every browser can share.
    const { share: how } = navigator as Partial<Navigator>;
    if (how === undefined) copy();
    else void how.call(navigator, { url: address }).catch(() => undefined);
  };
  if (link === null) {
    return (
      <div className={styles.card}>
        <p>{words.group.linkAbout}</p>
        {admin ? <Button kind="lead" icon={Link} onClick={() => { void act({ make_invitation: { conversation } }); }}>{words.group.makeLink}</Button> : <Banner kind="information">{words.group.linkByAdmins}</Banner>}
      </div>
    );
  }
  return (
    <div className={styles.card}>
      <QrCode text={address} label={words.qrCode} size={14} />
      <p className={styles.link} dir="ltr">{address}</p>
      <p className={styles.about}>{words.group.linkWarning}</p>
      <div className={styles.ways}>
        <Button kind="lead" icon={Share2} onClick={share}>{words.group.share}</Button>
        <Button kind="soft" icon={Copy} onClick={copy}>{words.copy}</Button>
        {admin && <Button kind="bad" icon={Unlink} onClick={() => { void act({ revoke_invitation: { conversation } }, words.group.linkRevoked); }}>{words.group.revoke}</Button>}
      </div>
    </div>
  );
}

function Edit({ view, onDone }: { view: ConversationView; onDone: () => void }) {
  const { words } = useSpeech();
  const give = useGive();
  const act = useAct();
  const conversation = view.conversation;
  const [name, setName] = useState(view.title);
  const [description, setDescription] = useState(view.group?.description ?? "");
  const [photo, setPhoto] = useState<Blob | null | undefined>();
  const picture = usePhotoOf(ofGroup(conversation));
  const save = async (): Promise<void> => {
    if (name.trim() === "") return;
    const details = { ...(name.trim() !== view.title && { name: name.trim() }), ...(description.trim() !== view.group?.description && { description: description.trim() }) };
    if (Object.keys(details).length > 0 && await act({ set_group_details: { conversation, details } }) === null) return;
    if (photo !== undefined) {
      const path = photo === null ? null : await give(photo);
      if (photo !== null && path === null) return;
      if (await act({ set_group_photo: { conversation, path, size: photo?.size ?? 0, media_type: photo?.type ?? "" } }) === null) return;
    }
    onDone();
  };
  return (
    <FormLayout label={words.group.edit} onSubmit={() => { void save(); }} acts={<Button kind="lead" submits>{words.save}</Button>}>
      <Across><PhotoField id={String(conversation)} name={name} group has={view.group?.photo != null} picture={picture} onPhoto={setPhoto} /></Across>
      <Across><TextField label={words.group.name} maxLength={100} value={name} onChange={setName} error={name.trim() === "" ? words.group.nameEmpty : undefined} /></Across>
      <Across><TextArea label={words.group.description} optional maxLength={512} value={description} onChange={setDescription} /></Across>
    </FormLayout>
  );
}
