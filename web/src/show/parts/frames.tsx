import { Bell, BellRing, EllipsisVertical, Laptop, LockKeyhole, LogOut, MessageCircle, Palette, PenLine, Phone, Search, Settings as Gear, Users } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../../ui/basics/Button";
import { Badge } from "../../ui/feedback/Badge";
import { Switch } from "../../ui/fields/Choices";
import { Select } from "../../ui/fields/Select";
import { SearchField, TextArea, TextField } from "../../ui/fields/TextField";
import { Desk, Header, Places, Screen } from "../../ui/frames/Frames";
import { Across, type Column, ControlRow, FormLayout, Section, SettingsRow, Table } from "../../ui/frames/Rows";
import { Avatar } from "../../ui/people/Avatar";
import { ConversationRow } from "../../ui/timeline/ConversationRow";
import { useSpeech } from "../../ui/words/context";
import { FACE, LANDSCAPE, sample } from "../samples";
import { type Part, State } from "../Stage";
import styles from "../show.module.css";
import { Story, useRows } from "./conversations";
import { Writes } from "./writing";

const nothing = (): void => undefined;

function useOwn() {
  const { language } = useSpeech();
  const ar = language === "ar";
  return {
    chats: ar ? "المحادثات" : "Chats",
    contacts: ar ? "جهات الاتصال" : "Contacts",
    settings: ar ? "الإعدادات" : "Settings",
    newChat: ar ? "محادثة جديدة" : "New conversation",
    notifications: ar ? "الإشعارات" : "Notifications",
    sound: ar ? "الصوت عند وصول رسالة" : "A sound when a message comes",
    devices: ar ? "الأجهزة" : "Devices",
    devicesHelp: ar ? "هذا المتصفح وهاتفك" : "This browser and your phone",
    privacy: ar ? "الخصوصية" : "Privacy",
    look: ar ? "المظهر" : "Appearance",
    system: ar ? "كالنظام" : "As the system",
    leave: ar ? "فصل هذا المتصفح" : "Unlink this browser",
    leaveAbout: ar ? "تُحذف رسائلك من هذا المتصفح وتبقى على هاتفك." : "Your messages go from this browser, and stay on your phone.",
    campaign: ar ? "الحملة" : "Campaign",
    state: ar ? "الحالة" : "State",
    budget: ar ? "الميزانية" : "Budget",
    shown: ar ? "مرات العرض" : "Impressions",
    runs: ar ? "تعمل" : "Runs",
    paused: ar ? "متوقفة" : "Paused",
    refused: ar ? "مرفوضة" : "Refused",
    names: ar ? ["حفل الصيف", "دروس الغناء", "يوم مفتوح"] : ["Summer concert", "Singing lessons", "Open day"],
    sum: ar ? "المجموع" : "Total",
    nothing: ar ? "لا حملات بعد." : "No campaign yet.",
    business: ar ? "اسم النشاط" : "Business name",
    site: ar ? "الموقع" : "Website",
    kind: ar ? "النوع" : "Kind",
    choir: ar ? "جوقة" : "Choir",
    shop: ar ? "متجر" : "Shop",
    describe: ar ? "الوصف" : "Description",
  };
}

function SettingsRows() {
  const own = useOwn();
  const [sound, setSound] = useState(true);
  return (
    <State name="sections" phone ground>
      <Section title={own.settings}>
        <SettingsRow icon={Bell} label={own.notifications} onOpen={nothing} />
        <SettingsRow icon={Laptop} label={own.devices} help={own.devicesHelp} value="2" onOpen={nothing} />
        <SettingsRow icon={Palette} label={own.look} value={own.system} onOpen={nothing} />
        <SettingsRow icon={LockKeyhole} label={own.privacy} onOpen={nothing} />
      </Section>
      <Section>
        <ControlRow><Switch label={own.sound} checked={sound} onChange={setSound} /></ControlRow>
        <SettingsRow icon={BellRing} label={own.notifications} value={own.system} />
      </Section>
      <Section about={own.leaveAbout}><SettingsRow icon={LogOut} bad label={own.leave} onOpen={nothing} /></Section>
    </State>
  );
}

function Forms() {
  const own = useOwn();
  const { words } = useSpeech();
  const [name, setName] = useState("Evening choir");
  const [site, setSite] = useState("https://choir.example.org");
  const [kind, setKind] = useState<"choir" | "shop">("choir");
  const [about, setAbout] = useState("");
  return (
    <State name="two columns where there is room" wide>
      <FormLayout label={own.business} onSubmit={nothing} acts={<><Button kind="plain">{words.cancel}</Button><Button kind="lead" submits>{words.save}</Button></>}>
        <TextField label={own.business} value={name} onChange={setName} />
        <TextField label={own.site} type="url" value={site} onChange={setSite} />
        <Select label={own.kind} value={kind} options={[{ value: "choir", label: own.choir }, { value: "shop", label: own.shop }]} onChange={setKind} />
        <Across><TextArea label={own.describe} optional value={about} onChange={setAbout} /></Across>
      </FormLayout>
    </State>
  );
}

interface Campaign {
  readonly id: string;
  readonly name: string;
  readonly state: "runs" | "paused" | "refused";
  readonly budget: number;
  readonly shown: number;
}

function Tables() {
  const own = useOwn();
  const { format } = useSpeech();
  const [sort, setSort] = useState({ key: "shown", descending: true });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set(["2"]));
  const money = new Intl.NumberFormat(format.language, { style: "currency", currency: "EUR" });
  const kinds = { runs: "good", paused: "quiet", refused: "bad" } as const;
  const all: readonly Campaign[] = [
    { id: "1", name: own.names[0] ?? "", state: "runs", budget: 120, shown: 48_210 },
    { id: "2", name: own.names[1] ?? "", state: "paused", budget: 35.5, shown: 9_077 },
    { id: "3", name: own.names[2] ?? "", state: "refused", budget: 20, shown: 0 },
  ];
  const valueOf = (row: Campaign): number => (sort.key === "budget" ? row.budget : row.shown);
  const rows = [...all].sort((a, b) => (valueOf(a) - valueOf(b)) * (sort.descending ? -1 : 1));
  const columns: readonly Column<Campaign>[] = [
    { key: "name", title: own.campaign, cell: (row) => <bdi>{row.name}</bdi> },
    { key: "state", title: own.state, cell: (row) => <Badge kind={kinds[row.state]}>{own[row.state]}</Badge> },
    { key: "budget", title: own.budget, numeric: true, sortable: true, cell: (row) => money.format(row.budget) },
    { key: "shown", title: own.shown, numeric: true, sortable: true, cell: (row) => format.number(row.shown) },
  ];
  const base = { columns, idOf: (row: Campaign) => row.id, nameOf: (row: Campaign) => row.name };
  return (
    <>
      <State name="sorted, one selected, sums" wide>
        <Table
          {...base}
          caption={own.campaign}
          rows={rows}
          sort={sort}
          onSort={(key) => { setSort({ key, descending: key === sort.key ? !sort.descending : true }); }}
          selected={selected}
          onSelect={(id, on) => { setSelected(new Set(on ? [...selected, id] : [...selected].filter((it) => it !== id))); }}
          onSelectAll={(on) => { setSelected(new Set(on ? all.map((row) => row.id) : [])); }}
          totals={{ name: own.sum, budget: money.format(175.5), shown: format.number(57_287) }}
        />
      </State>
      <State name="empty" wide><Table {...base} caption={own.nothing} rows={[]} empty={own.nothing} /></State>
    </>
  );
}

function usePlaces() {
  const own = useOwn();
  return [
    { key: "chats", label: own.chats, icon: MessageCircle, unread: 4 },
    { key: "contacts", label: own.contacts, icon: Users },
    { key: "settings", label: own.settings, icon: Gear },
  ];
}

function List({ foot }: { foot?: boolean }) {
  const own = useOwn();
  const { words } = useSpeech();
  const rows = useRows();
  const places = usePlaces();
  const [query, setQuery] = useState("");
  const [at, setAt] = useState("chats");
  return (
    <Screen
      label={own.chats}
      header={<Header large title={own.chats} acts={<IconButton icon={PenLine} label={own.newChat} kind="soft" />} />}
      foot={foot === true ? <Places side="bottom" places={places} at={at} onGo={setAt} /> : undefined}
    >
      <div style={{ padding: "0 0.5rem" }}>
        <div style={{ padding: "0 0.25rem 0.5rem" }}><SearchField label={words.search} value={query} onChange={setQuery} /></div>
        {rows.map((row) => <ConversationRow key={row.id} {...row} {...(foot === true && { selected: false })} />)}
      </div>
    </Screen>
  );
}

function Conversation({ back }: { back?: boolean }) {
  const { words, language } = useSpeech();
  const say = sample(language);
  return (
    <Screen
      on="ground"
      label={words.timeline}
      header={
        <Header
          title={say.choir}
          about={words.typing([say.ben])}
          avatar={<Avatar id="g" name={say.choir} picture={LANDSCAPE} group size={2.5} />}
          {...(back === true && { onBack: nothing })}
          onTitle={nothing}
          acts={<><IconButton icon={Search} label={words.search} /><IconButton icon={EllipsisVertical} label={words.more} /></>}
        />
      }
      foot={<Writes />}
    >
      <Story />
    </Screen>
  );
}

function DeskFrame() {
  const own = useOwn();
  const places = usePlaces();
  const [width, setWidth] = useState(340);
  const [at, setAt] = useState("chats");
  return (
    <State name="list and conversation, on a desk" wide>
      <div className={styles.frameDesk}>
        <Desk places={<Places side="edge" places={places} at={at} onGo={setAt} />} list={<List />} listLabel={own.chats} width={width} onWidth={setWidth}>
          <Conversation />
        </Desk>
      </div>
    </State>
  );
}

function PhoneFrame() {
  const { language } = useSpeech();
  const say = sample(language);
  const own = useOwn();
  return (
    <>
      <State name="the list" phone><div className={styles.framePhone}><List foot /></div></State>
      <State name="a conversation" phone><div className={styles.framePhone}><Conversation back /></div></State>
      <State name="header of a person" phone><Header title={say.ana} about={own.contacts} avatar={<Avatar id="a" name={say.ana} picture={FACE} online />} onBack={nothing} onTitle={nothing} acts={<IconButton icon={Phone} label={own.contacts} />} /></State>
    </>
  );
}

export const frames: readonly Part[] = [
  { id: "settings", title: "Settings rows", group: "Frames", Show: SettingsRows },
  { id: "form", title: "Form", group: "Frames", Show: Forms },
  { id: "table", title: "Table", group: "Frames", Show: Tables },
  { id: "desk", title: "Desk", group: "Frames", Show: DeskFrame },
  { id: "phone", title: "Phone", group: "Frames", Show: PhoneFrame },
];
