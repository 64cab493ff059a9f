import { Phone } from "lucide-react";
import { useState } from "react";
import { Checkbox, RadioGroup, Segmented, Switch, Tabs } from "../../ui/fields/Choices";
import { CodeField } from "../../ui/fields/CodeField";
import { CountryPicker } from "../../ui/fields/CountryPicker";
import { Select } from "../../ui/fields/Select";
import { SearchField, TextArea, TextField } from "../../ui/fields/TextField";
import { useSpeech } from "../../ui/words/context";
import { type Part, State } from "../Stage";

/** Words of the page alone: the parts get theirs from their app. */
function useOwn() {
  const { language } = useSpeech();
  const ar = language === "ar";
  return {
    name: ar ? "الاسم" : "Name",
    nameHelp: ar ? "يراه من تتحدث إليهم." : "Seen by whom you talk to.",
    nameError: ar ? "اكتب اسمًا من حرف واحد على الأقل." : "Write at least one letter.",
    about: ar ? "نبذة" : "About",
    passphrase: ar ? "عبارة المرور" : "Passphrase",
    code: ar ? "الرمز من الرسالة النصية" : "The code from the text message",
    codeError: ar ? "ليس هذا الرمز. اطلب رمزًا جديدًا بعد دقيقة." : "That is not the code. Ask for a new one in a minute.",
    vanish: ar ? "تختفي الرسائل" : "Messages vanish",
    never: ar ? "أبدًا" : "Never",
    day: ar ? "بعد يوم" : "After a day",
    week: ar ? "بعد أسبوع" : "After a week",
    receipts: ar ? "إظهار أنني قرأت" : "Show that I have read",
    receiptsHelp: ar ? "إن أوقفتها فلن ترى أيضًا من قرأ." : "Without it you do not see who read, either.",
    everyone: ar ? "الجميع" : "Everyone",
    contacts: ar ? "من أعرفهم" : "People I know",
    who: ar ? "من يراسلني" : "Who may write to me",
    all: ar ? "الكل" : "All",
    unread: ar ? "غير مقروءة" : "Unread",
    groups: ar ? "مجموعات" : "Groups",
    show: ar ? "ما يُعرض" : "What is shown",
  };
}

function TextFields() {
  const own = useOwn();
  const { words } = useSpeech();
  const [name, setName] = useState("Ana Marković");
  const [empty, setEmpty] = useState("");
  const [phone, setPhone] = useState("+962 7 9012 3456");
  const [phrase, setPhrase] = useState("seven slow swans");
  return (
    <>
      <State name="filled, with help" phone><TextField label={own.name} help={own.nameHelp} value={name} onChange={setName} /></State>
      <State name="empty, optional" phone><TextField label={own.about} optional placeholder="…" value={empty} onChange={setEmpty} /></State>
      <State name="wrong" phone><TextField label={own.name} error={own.nameError} value={empty} onChange={setEmpty} /></State>
      <State name="number" phone><TextField label={words.phoneNumber} type="tel" icon={Phone} value={phone} onChange={setPhone} /></State>
      <State name="passphrase" phone><TextField label={own.passphrase} type="password" autoComplete="off" value={phrase} onChange={setPhrase} /></State>
      <State name="disabled" phone><TextField label={own.name} disabled value={name} onChange={setName} /></State>
    </>
  );
}

function TextAreas() {
  const own = useOwn();
  const [text, setText] = useState("");
  const [long, setLong] = useState("Evensong, six o'clock.\nالتدريب في السادسة.\nBring the keys, and a coat: the organ loft is cold.");
  return (
    <>
      <State name="empty" phone><TextArea label={own.about} value={text} onChange={setText} placeholder="…" /></State>
      <State name="grown, little left" phone><TextArea label={own.about} value={long} onChange={setLong} maxLength={120} help={own.nameHelp} /></State>
    </>
  );
}

function Searches() {
  const { words } = useSpeech();
  const [empty, setEmpty] = useState("");
  const [text, setText] = useState("Evensong");
  return (
    <>
      <State name="empty" phone><SearchField label={words.search} value={empty} onChange={setEmpty} /></State>
      <State name="filled" phone><SearchField label={words.search} value={text} onChange={setText} /></State>
    </>
  );
}

function Codes() {
  const own = useOwn();
  const [half, setHalf] = useState("493");
  const [whole, setWhole] = useState("493016");
  return (
    <>
      <State name="half" phone><CodeField label={own.code} value={half} onChange={setHalf} /></State>
      <State name="wrong" phone><CodeField label={own.code} value={whole} onChange={setWhole} error={own.codeError} /></State>
      <State name="disabled" phone><CodeField label={own.code} value="" onChange={setWhole} disabled /></State>
    </>
  );
}

function Selects() {
  const own = useOwn();
  const [vanish, setVanish] = useState<"never" | "day" | "week">("week");
  const [country, setCountry] = useState<string | null>("JO");
  const [none, setNone] = useState<string | null>(null);
  const options = [{ value: "never", label: own.never }, { value: "day", label: own.day }, { value: "week", label: own.week }] as const;
  return (
    <>
      <State name="select" phone><Select label={own.vanish} value={vanish} options={options} onChange={setVanish} /></State>
      <State name="country, chosen" phone><CountryPicker value={country} onChange={setCountry} /></State>
      <State name="country, empty" phone><CountryPicker value={none} onChange={setNone} /></State>
      <State name="disabled" phone><CountryPicker value="EG" onChange={setCountry} disabled /></State>
    </>
  );
}

function Toggles() {
  const own = useOwn();
  const [on, setOn] = useState(true);
  const [off, setOff] = useState(false);
  const [who, setWho] = useState<"everyone" | "contacts">("everyone");
  return (
    <>
      <State name="switch" phone>
        <Switch label={own.receipts} help={own.receiptsHelp} checked={on} onChange={setOn} />
        <Switch label={own.vanish} checked={off} onChange={setOff} />
        <Switch label={own.vanish} checked disabled onChange={setOff} />
      </State>
      <State name="checkbox" phone>
        <Checkbox label={own.receipts} help={own.receiptsHelp} checked={on} onChange={setOn} />
        <Checkbox label={own.vanish} checked={off} onChange={setOff} />
        <Checkbox label={own.all} checked={false} some onChange={setOff} />
        <Checkbox label={own.groups} checked disabled onChange={setOff} />
      </State>
      <State name="radio" phone>
        <RadioGroup
          label={own.who}
          value={who}
          options={[{ value: "everyone", label: own.everyone, help: own.nameHelp }, { value: "contacts", label: own.contacts }]}
          onChange={setWho}
        />
      </State>
    </>
  );
}

function Choosers() {
  const own = useOwn();
  const [tab, setTab] = useState<"all" | "unread" | "groups">("all");
  const [segment, setSegment] = useState<"all" | "unread" | "groups">("all");
  const options = [{ value: "all", label: own.all }, { value: "unread", label: own.unread }, { value: "groups", label: own.groups }] as const;
  return (
    <>
      <State name="segments" phone><Segmented label={own.show} value={segment} options={options} onChange={setSegment} /></State>
      <State name="tabs" phone><Tabs label={own.show} value={tab} options={options} onChange={setTab}><p>{options.find((o) => o.value === tab)?.label}</p></Tabs></State>
    </>
  );
}

export const fields: readonly Part[] = [
  { id: "text-field", title: "Text field", group: "Fields", Show: TextFields },
  { id: "text-area", title: "Text area", group: "Fields", Show: TextAreas },
  { id: "search-field", title: "Search field", group: "Fields", Show: Searches },
  { id: "code-field", title: "Code field", group: "Fields", Show: Codes },
  { id: "select", title: "Select and country", group: "Fields", Show: Selects },
  { id: "toggles", title: "Switch, checkbox, radio", group: "Fields", Show: Toggles },
  { id: "choosers", title: "Segments and tabs", group: "Fields", Show: Choosers },
];
