/** Finds somebody by number; who is not here yet can be invited. */
import { Search, Share2 } from "lucide-react";
import { useState } from "react";
import type { ContactView } from "../../core/types";
import { Button } from "../../ui/basics/Button";
import { Banner } from "../../ui/feedback/Feedback";
import { CountryPicker } from "../../ui/fields/CountryPicker";
import { TextArea, TextField } from "../../ui/fields/TextField";
import { Across, FormLayout } from "../../ui/frames/Rows";
import { useSpeech } from "../../ui/words/context";
import { readersRegion } from "../../ui/words/format";
import { useAct, useCore, useShared } from "../state/context";
import { codeOf, outcome } from "../state/face";
import { back, go } from "../state/route";
import { useTell } from "../state/toasts";
import { Page } from "./Page";
import { PersonRow } from "./PersonRow";

export function Find() {
  const { words } = useSpeech();
  const core = useCore();
  const { account } = useShared();
  const [country, setCountry] = useState(readersRegion);
  const [number, setNumber] = useState("");
  const [waits, setWaits] = useState(false);
  const [found, setFound] = useState<ContactView | null>(null);
  const [code, setCode] = useState<string | null>(null);
  const look = async (): Promise<void> => {
    if (number.trim() === "") {
      setCode("number_invalid");
      return;
    }
    setWaits(true);
    setCode(null);
    setFound(null);
    try {
      setFound(await outcome(core, { lookup: { number, country } }, ["lookup"], (event) => (event.event === "found" ? event.contact : undefined)));
    } catch (error) {
      setCode(codeOf(error));
    }
    setWaits(false);
  };
  const own = found !== null && found.address === account?.address;
  return (
    <Page title={words.people.addByNumber} onBack={() => { back({ at: "people" }); }}>
      <FormLayout label={words.people.addByNumber} onSubmit={() => { void look(); }} acts={<Button kind="lead" submits icon={Search} waits={waits}>{words.people.look}</Button>}>
        <CountryPicker value={country} onChange={setCountry} />
        <TextField label={words.phoneNumber} type="tel" value={number} onChange={setNumber} error={code === null || code === "not_found" ? undefined : words.told.failure(code)} />
      </FormLayout>
      {code === "not_found" && <Invite />}
      {own && <Banner kind="information">{words.people.thatsYou}</Banner>}
      {found !== null && !own && <FoundPerson contact={found} />}
    </Page>
  );
}

function FoundPerson({ contact }: { contact: ContactView }) {
  const { words } = useSpeech();
  const act = useAct();
  const { conversations } = useShared();
  // What is sent is what stands there to be changed.
  const [text, setText] = useState(words.people.hello);
  const name = contact.name === "" ? contact.number : contact.name;
  const there = conversations?.find((it) => it.peer === contact.address);
  const ask = async (): Promise<void> => {
    if (text.trim() === "") {
      setText(words.people.hello);
      return;
    }
    const events = await act({ send: { to: { person: contact.address }, what: { text: text.trim() } } });
    const said = events?.find((event) => event.event === "item");
    if (said?.event === "item") go({ at: "conversation", id: said.conversation }, true);
  };
  return (
    <FormLayout
      label={name}
      onSubmit={() => { if (there === undefined) void ask(); else go({ at: "conversation", id: there.conversation }, true); }}
      acts={<Button kind="lead" submits>{there === undefined ? words.people.askToTalk : words.people.openChat}</Button>}
    >
      <Across><PersonRow person={{ id: contact.address, name }} about={contact.number} verified={contact.verified} /></Across>
      {there === undefined && <Across><TextArea label={words.people.firstWords} help={words.people.firstHelp} maxLength={500} value={text} onChange={setText} /></Across>}
    </FormLayout>
  );
}

/** Who is not here gets a word about it, by whatever way the person has. */
function Invite() {
  const { words } = useSpeech();
  const tell = useTell();
  const text = words.people.inviteText(location.origin);
  const share = async (): Promise<void> => {
    // Not every browser can share.
    const { share: how } = navigator as Partial<Navigator>;
    if (how !== undefined) await how.call(navigator, { text }).catch(() => undefined);
    else await navigator.clipboard.writeText(text).then(() => { tell(words.talk.copied); });
  };
  return <Banner kind="information" acts={<Button size="small" kind="plain" icon={Share2} onClick={() => { void share(); }}>{words.people.invite}</Button>}>{words.people.notHere}</Banner>;
}
