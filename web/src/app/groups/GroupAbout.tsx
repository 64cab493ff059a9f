/** A group: what it is about, who is in it, and what one may do there. */
import { EllipsisVertical, Link, LogOut, MessageCircle, PenLine, ShieldCheck, ShieldMinus, SlidersHorizontal, UserMinus, UserPlus } from "lucide-react";
import { useState } from "react";
import type { ConversationView, MemberView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner, Skeleton } from "../../ui/feedback/Feedback";
import { folded } from "../../ui/fields/Combobox";
import { SearchField } from "../../ui/fields/TextField";
import { ControlRow, Section, SettingsRow } from "../../ui/frames/Rows";
import { Dialog } from "../../ui/overlays/Dialog";
import { type Act, Menu } from "../../ui/overlays/Menu";
import { Avatar } from "../../ui/people/Avatar";
import { MemberRow } from "../../ui/people/People";
import { useSpeech } from "../../ui/words/context";
import { useTitleOf } from "../home/lists";
import { useMore } from "../home/more";
import { MuteRow } from "../home/Mute";
import { Roving } from "../home/Roving";
import { Page } from "../people/Page";
import styles from "../people/people.module.css";
import { useAct, usePhotoOf, useShared } from "../state/context";
import { ofGroup, ofPerson } from "../state/photos";
import { back, go } from "../state/route";
import { ordered, useMembers } from "./members";
import { TimerRow } from "./TimerRow";

/** From so many members on there is a search. */
const SEARCH_FROM = 12;

export function GroupAbout({ view }: { view: ConversationView }) {
  const { words } = useSpeech();
  const titleOf = useTitleOf();
  const act = useAct();
  const [leaves, setLeaves] = useState(false);
  const group = view.group;
  const id = view.conversation;
  const title = titleOf(view);
  const photo = usePhotoOf(ofGroup(id));
  const inside = view.state === "active" && group?.leaving === false;
  const edits = inside && (group.admin || group.permissions.members_edit);
  const adds = inside && (group.admin || group.permissions.members_add);
  return (
    <Page title={words.group.one} deep onBack={() => { back({ at: "conversation", id }); }}>
      <div className={styles.face}>
        <Avatar id={String(id)} name={title} group picture={photo} size={6} />
        <h3 className={styles.name}><bdi>{title}</bdi></h3>
        <p className={styles.about}>{words.members(group?.people ?? 0)}</p>
        {group !== undefined && group.description !== "" && <p className={styles.about} dir="auto">{group.description}</p>}
        <div className={styles.ways}>
          <Button kind="lead" icon={MessageCircle} onClick={() => { go({ at: "conversation", id }); }}>{words.people.openChat}</Button>
          {adds && <Button kind="soft" icon={UserPlus} onClick={() => { go({ at: "group", id, page: "add" }); }}>{words.group.add}</Button>}
        </div>
      </div>
      {!inside && <Banner kind="information">{group?.leaving === true ? words.talk.closed.leaving : words.talk.closed.left}</Banner>}
      <Section title={words.people.chat} about={words.people.sealedAbout}>
        {edits && <SettingsRow icon={PenLine} label={words.group.edit} onOpen={() => { go({ at: "group", id, page: "edit" }); }} />}
        {inside && group.admin && <SettingsRow icon={SlidersHorizontal} label={words.group.permissions} onOpen={() => { go({ at: "group", id, page: "permissions" }); }} />}
        {inside && (group.admin || group.link !== null) && <SettingsRow icon={Link} label={words.group.link} help={group.link === null ? words.group.noLink : words.group.hasLink} onOpen={() => { go({ at: "group", id, page: "link" }); }} />}
        <MuteRow view={view} />
        <TimerRow view={view} may={edits} />
      </Section>
      <Members view={view} />
      {inside && <Section><SettingsRow icon={LogOut} bad label={words.group.leave} onOpen={() => { setLeaves(true); }} /></Section>}
      <Dialog
        open={leaves}
        alerts
        onClose={() => { setLeaves(false); }}
        title={words.group.leaveTitle(title)}
        acts={(
          <>
            <Button kind="plain" onClick={() => { setLeaves(false); }}>{words.cancel}</Button>
            <Button kind="bad" onClick={() => {
              setLeaves(false);
              void act({ leave_group: { conversation: id } });
            }}>{words.group.leave}</Button>
          </>
        )}
      >
        <p>{words.group.leaveAbout}</p>
      </Dialog>
    </Page>
  );
}

function Members({ view }: { view: ConversationView }) {
  const { words, language } = useSpeech();
  const { members, code } = useMembers(view);
  const [query, setQuery] = useState("");
  const wanted = folded(query.trim());
  const all = ordered(members ?? [], language);
  const found = wanted === "" ? all : all.filter((it) => folded(it.name).includes(wanted) || it.number.includes(wanted));
  const { shown, more } = useMore(found.length);
  if (code !== undefined) return <Banner kind="bad">{words.told.failure(code)}</Banner>;
  if (members === undefined) return <Skeleton rows={5} />;
  return (
    <Section title={words.members(members.length)}>
      {members.length >= SEARCH_FROM && <ControlRow><SearchField label={words.group.searchMembers} value={query} onChange={setQuery} /></ControlRow>}
      <Roving label={words.members(members.length)}>
        {found.slice(0, shown).map((member) => <li key={member.address}><Member view={view} member={member} /></li>)}
        {more}
      </Roving>
      {found.length === 0 && <p className={styles.about}>{words.noMatch(query)}</p>}
    </Section>
  );
}

function Member({ view, member }: { view: ConversationView; member: MemberView }) {
  const { words } = useSpeech();
  const act = useAct();
  const { contacts } = useShared();
  const picture = usePhotoOf(ofPerson(member.address));
  const [removes, setRemoves] = useState(false);
  const { address, admin, own } = member;
  const conversation = view.conversation;
  const rules = view.state === "active" && view.group?.admin === true;
  const contact = contacts.find((it) => it.address === address);
  const name = member.name === "" ? (member.number === "" ? address.slice(0, 8) : member.number) : member.name;
  const acts: readonly (Act | false)[] = [
    !own && { label: words.people.show, onChoose: () => { go({ at: "person", address }); } },
    rules && (admin
      ? { label: own ? words.group.layDown : words.group.noAdmin, icon: ShieldMinus, onChoose: () => { void act({ set_role: { conversation, member: address, admin: false } }); } }
      : { label: words.group.makeAdmin, icon: ShieldCheck, onChoose: () => { void act({ set_role: { conversation, member: address, admin: true } }); } }),
    rules && !own && { label: words.group.takeOut, icon: UserMinus, bad: true, apart: true, onChoose: () => { setRemoves(true); } },
  ];
  const all = acts.filter((it) => it !== false);
  return (
    <>
      <MemberRow
        person={{ id: address, name, picture }}
        own={own}
        admin={admin}
        verified={contact?.verified === true}
        {...(member.number !== "" && member.name !== "" && { about: member.number })}
        {...(!own && { onOpen: () => { go({ at: "person", address }); } })}
        acts={all.length > 0 && <Menu small label={words.group.actsOn(own ? words.you : name)} icon={EllipsisVertical} acts={all} />}
      />
      <Dialog
        open={removes}
        alerts
        onClose={() => { setRemoves(false); }}
        title={words.group.takeOutTitle(name)}
        acts={(
          <>
            <Button kind="plain" onClick={() => { setRemoves(false); }}>{words.cancel}</Button>
            <Button kind="bad" onClick={() => {
              setRemoves(false);
              void act({ remove_member: { conversation, member: address } });
            }}>{words.group.takeOut}</Button>
          </>
        )}
      >
        <p>{words.group.takeOutAbout}</p>
      </Dialog>
    </>
  );
}
