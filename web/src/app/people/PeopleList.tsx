/** Everybody one may talk to, by name; and the ways to more. */
import { Link, UserPlus, UsersRound } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Icon, type Picture } from "../../ui/basics/Icon";
import { NoConversations, NothingFound } from "../../ui/feedback/Drawings";
import { EmptyState } from "../../ui/feedback/Feedback";
import { folded } from "../../ui/fields/Combobox";
import { SearchField } from "../../ui/fields/TextField";
import { Header, Screen } from "../../ui/frames/Frames";
import { useSpeech } from "../../ui/words/context";
import styles from "../home/home.module.css";
import { useMore } from "../home/more";
import { Roving } from "../home/Roving";
import { useShared } from "../state/context";
import { go } from "../state/route";
import { byName } from "./people";
import { PersonRow } from "./PersonRow";

export function PeopleList({ foot, open }: { foot: ReactNode; open: string | undefined }) {
  const { words, language } = useSpeech();
  const { contacts, named } = useShared();
  const [query, setQuery] = useState("");
  const wanted = folded(query.trim());
  const people = byName(contacts.filter((it) => it.accepted || it.blocked), language).filter((it) => wanted === "" || folded(it.name).includes(wanted) || it.number.includes(wanted));
  const { shown, more } = useMore(people.length);
  return (
    <Screen
      label={words.people.title}
      foot={foot}
      header={(
        <>
          <Header large title={words.people.title} />
          <div className={styles.search}><SearchField label={words.people.search} value={query} onChange={setQuery} /></div>
        </>
      )}
    >
      {wanted === "" && (
        <>
          <Way icon={UserPlus} label={words.people.addByNumber} onGo={() => { go({ at: "find" }); }} />
          <Way icon={UsersRound} label={words.group.begin} onGo={() => { go({ at: "newGroup" }); }} />
          <Way icon={Link} label={words.group.join} onGo={() => { go({ at: "join" }); }} />
        </>
      )}
      {people.length > 0 && (
        <>
          <h3 className={styles.part}>{words.people.contacts(people.length)}</h3>
          <Roving label={words.people.title} at={open ?? ""}>
            {people.slice(0, shown).map((it) => (
              <li key={it.address} data-row={it.address}>
                <PersonRow
                  person={{ id: it.address, name: it.name === "" ? it.number : it.name }}
                  about={it.blocked ? words.people.isBlocked : it.about === "" ? it.number : it.about}
                  verified={it.verified}
                  onOpen={() => { go({ at: "person", address: it.address }); }}
                />
              </li>
            ))}
            {more}
          </Roving>
        </>
      )}
      {people.length === 0 && wanted === "" && named && <div className={styles.empty}><EmptyState drawing={<NoConversations />} title={words.people.none}>{words.people.noneAbout}</EmptyState></div>}
      {people.length === 0 && wanted !== "" && <div className={styles.empty}><EmptyState drawing={<NothingFound />} title={words.noMatch(query.trim())}>{words.people.noMatchAbout}</EmptyState></div>}
    </Screen>
  );
}

/** A way to something new, as a row. */
export function Way({ icon, label, onGo }: { icon: Picture; label: string; onGo: () => void }) {
  return (
    <button type="button" className={styles.entry} onClick={onGo}>
      <span className={styles.entryIcon}><Icon of={icon} /></span>
      <span className={styles.entryText}>{label}</span>
    </button>
  );
}
