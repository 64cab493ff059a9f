/** The groups that somebody is in together with oneself; where there are none, nothing stands there. */
import { useEffect, useState } from "react";
import type { Address, ConversationView } from "../../core/types";
import { Section } from "../../ui/frames/Rows";
import { MemberRow } from "../../ui/people/People";
import { useSpeech } from "../../ui/words/context";
import { useTitleOf } from "../home/lists";
import { useMore } from "../home/more";
import { Roving } from "../home/Roving";
import { useCore, usePhotoOf, useShared } from "../state/context";
import { ofGroup } from "../state/photos";
import { go } from "../state/route";

/** Local ids; undefined before they are known. */
export function useGroupsWith(address: Address): readonly number[] | undefined {
  const core = useCore();
  const { conversations } = useShared();
  // Asked anew when a group comes, goes, or has more or fewer people.
  const groups = (conversations ?? []).flatMap(({ conversation, state, group }) => (group === undefined ? [] : [`${String(conversation)} ${state} ${String(group.people)}`])).join();
  const [found, setFound] = useState<readonly number[]>();
  useEffect(() => {
    let gone = false;
    core.ask<"groups_with">({ groups_with: address }).then((ids) => { if (!gone) setFound(ids); }, () => undefined);
    return () => { gone = true; };
  }, [core, address, groups]);
  return found;
}

export function GroupsInCommon({ address }: { address: Address }) {
  const { words } = useSpeech();
  const { conversations } = useShared();
  const ids = useGroupsWith(address);
  const groups = (ids ?? []).flatMap((id) => conversations?.find((it) => it.conversation === id) ?? []);
  const { shown, more } = useMore(groups.length);
  if (groups.length === 0) return null;
  return (
    <Section title={words.groupsInCommon(groups.length)}>
      <Roving label={words.groupsInCommon(groups.length)}>
        {groups.slice(0, shown).map((view) => <li key={view.conversation}><GroupRow view={view} /></li>)}
        {more}
      </Roving>
    </Section>
  );
}

function GroupRow({ view }: { view: ConversationView }) {
  const { words } = useSpeech();
  const titleOf = useTitleOf();
  const id = view.conversation;
  const picture = usePhotoOf(ofGroup(id));
  return <MemberRow person={{ id: String(id), name: titleOf(view), group: true, picture }} about={words.members(view.group?.people ?? 0)} onOpen={() => { go({ at: "conversation", id }); }} />;
}
