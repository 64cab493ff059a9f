/** Chooses some of the people one may talk to: from a list that is one stop of the keyboard. */
import { useState } from "react";
import { folded } from "../../ui/fields/Combobox";
import { SearchField } from "../../ui/fields/TextField";
import { ControlRow, Section } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";
import { Roving } from "../home/Roving";
import { byName } from "../people/people";
import { PickBox } from "../people/PickBox";
import { useShared } from "../state/context";
import { ofPerson } from "../state/photos";

export interface PickPeopleProps {
  readonly chosen: ReadonlySet<string>;
  readonly without: ReadonlySet<string>;
  readonly onChange: (chosen: ReadonlySet<string>) => void;
}

export function PickPeople({ chosen, without, onChange }: PickPeopleProps) {
  const { words, language } = useSpeech();
  const { contacts } = useShared();
  const [query, setQuery] = useState("");
  const wanted = folded(query.trim());
  const people = byName(contacts.filter((it) => it.accepted && !it.blocked && !without.has(it.address)), language);
  const found = people.filter((it) => wanted === "" || folded(it.name).includes(wanted) || it.number.includes(wanted));
  return (
    <Section title={words.group.chosen(chosen.size)} about={words.group.onlyAgreed}>
      <ControlRow><SearchField label={words.people.search} value={query} onChange={setQuery} /></ControlRow>
      {found.length > 0 && (
        <Roving label={words.people.title}>
          {found.map((it) => (
            <li key={it.address}>
              <ControlRow>
                <PickBox
                  id={it.address}
                  whose={ofPerson(it.address)}
                  label={it.name === "" ? it.number : it.name}
                  {...(it.name !== "" && { help: it.number })}
                  checked={chosen.has(it.address)}
                  onChange={(on) => { onChange(new Set(on ? [...chosen, it.address] : [...chosen].filter((address) => address !== it.address))); }}
                />
              </ControlRow>
            </li>
          ))}
        </Roving>
      )}
      {found.length === 0 && <ControlRow><p>{people.length === 0 ? words.group.nobodyToAdd : words.noMatch(query)}</p></ControlRow>}
    </Section>
  );
}
