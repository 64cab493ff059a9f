/**
 * The list of conversations.
 *
 * Always holds: it is one stop of the keyboard, arrows go through it; only as many rows as somebody
 * came to are drawn.
 */
import { Archive, Bell, BellOff, EllipsisVertical, MailOpen, MessageSquarePlus, MessageSquareDot, Pin, PinOff, UserPlus } from "lucide-react";
import { memo, type ReactNode, useDeferredValue, useRef, useState } from "react";
import type { Address, ConversationView } from "../../core/types";
import { Button, IconButton } from "../../ui/basics/Button";
import { Icon } from "../../ui/basics/Icon";
import { Badge } from "../../ui/feedback/Badge";
import { NoConversations } from "../../ui/feedback/Drawings";
import { EmptyState, Skeleton } from "../../ui/feedback/Feedback";
import { SearchField } from "../../ui/fields/TextField";
import { Header, Screen } from "../../ui/frames/Frames";
import { type Act, Menu } from "../../ui/overlays/Menu";
import { useLongPress } from "../../ui/overlays/useLongPress";
import { ConversationRow } from "../../ui/timeline/ConversationRow";
import { useSpeech } from "../../ui/words/context";
import { useKeep, useNow, usePhotoOf, useShared } from "../state/context";
import { useDrawn } from "../state/drawn";
import { backFromArchive, isArchived, isMuted } from "../state/keeping";
import { whoseOf } from "../state/photos";
import { back, go, type Route } from "../state/route";
import { useTell } from "../state/toasts";
import { Banners } from "./Banners";
import { Found } from "./Found";
import styles from "./home.module.css";
import { type RowProps, useListed, useRowOf, useTitleOf } from "./lists";
import { useMore } from "./more";
import { MuteDialog } from "./Mute";
import { Roving } from "./Roving";

export interface ConversationListProps {
  readonly archived: boolean;
  readonly typing: ReadonlyMap<number, readonly Address[]>;
  readonly foot: ReactNode;
  readonly open: Route;
}

export function ConversationList({ archived, typing, foot, open }: ConversationListProps) {
  const { words } = useSpeech();
  const [query, setQuery] = useState("");
  const looked = useDeferredValue(query);
  const field = useRef<HTMLDivElement>(null);
  const leave = (): void => {
    setQuery("");
    field.current?.querySelector("input")?.focus();
  };
  return (
    <Screen
      label={words.home.chats}
      foot={foot}
      header={archived ? <Header title={words.home.archive} onBack={() => { back({ at: "chats" }); }} /> : (
        <>
          <Header large title={words.home.chats} acts={<IconButton icon={MessageSquarePlus} label={words.home.begin} onClick={() => { go({ at: "people" }); }} />} />
          <div ref={field} className={styles.search}><SearchField label={words.home.search} value={query} onChange={setQuery} /></div>
        </>
      )}
    >
      {looked.trim() !== "" && !archived ? <Found query={looked} onLeave={leave} /> : (
        <>
          {!archived && <Banners />}
          {!archived && <Entries />}
          <Rows archived={archived} typing={typing} open={open} />
        </>
      )}
    </Screen>
  );
}

/** What waits on top: requests, and the way to the archive. */
function Entries() {
  const { words, format } = useSpeech();
  const { requests, someConversations } = useShared();
  const now = useNow();
  const archived = (someConversations ?? []).filter((it) => isArchived(it, now)).length;
  const first = requests[0];
  return (
    <>
      {requests.map((request) => (
        <button key={request.address} type="button" className={styles.entry} onClick={() => { go({ at: "request", address: request.address }); }}>
          <span className={styles.entryIcon}><Icon of={UserPlus} /></span>
          <span className={styles.entryText}>{words.wantsToTalk(request.name === "" ? request.number : request.name)}</span>
          {request === first && <Badge kind="call" label={words.home.requests(requests.length)}>{format.number(requests.length)}</Badge>}
        </button>
      ))}
      {archived > 0 && (
        <button type="button" className={styles.entry} onClick={() => { go({ at: "archive" }); }}>
          <span className={styles.entryIcon}><Icon of={Archive} /></span>
          <span className={styles.entryText}>{words.home.archive}</span>
          <Badge kind="quiet">{format.number(archived)}</Badge>
        </button>
      )}
    </>
  );
}

function Rows({ archived, typing, open }: Pick<ConversationListProps, "archived" | "typing" | "open">) {
  const { words } = useSpeech();
  const { requests, conversations, named } = useShared();
  const rows = useListed(archived);
  const rowOf = useRowOf(typing);
  const now = useNow();
  const { shown, more } = useMore(rows?.length ?? 0);
  // Without names it would be a list of digits; while some are to come, nobody knows that there are none.
  const known = named && rows !== undefined && (rows.length > 0 || conversations !== undefined);
  useDrawn("comity:list", known ? "" : null);
  if (!known) return <Skeleton rows={8} />;
  if (rows.length === 0) return archived ? <div className={styles.empty}><EmptyState drawing={<NoConversations />} title={words.home.noArchive}>{words.home.noArchiveAbout}</EmptyState></div> : <NoneYet />;
  // Notes to self are there from the first moment on; there is nobody to talk to all the same.
  const nobody = !archived && requests.length === 0 && conversations?.every((it) => it.kind === "self") === true;
  const selected = open.at === "conversation" || open.at === "about" || open.at === "group" ? open.id : null;
  return (
    <>
      <Roving label={words.home.chats} at={String(selected ?? rows[0]?.conversation ?? "")}>
        {rows.slice(0, shown).map((view) => <Listed key={view.conversation} view={view} rowOf={rowOf} now={now} selected={view.conversation === selected} />)}
        {more}
      </Roving>
      {nobody && <NoneYet />}
    </>
  );
}

/** Opens what can be done with a row; false where there is nothing. */
function openMenu(row: HTMLElement): boolean {
  const button = row.querySelector<HTMLElement>("button[aria-haspopup=menu]");
  if (button === null) return false;
  if (button.getAttribute("aria-expanded") !== "true") button.click();
  return true;
}

interface ListedProps {
  readonly view: ConversationView;
  readonly rowOf: (view: ConversationView, open: boolean) => RowProps;
  readonly now: number;
  readonly selected: boolean;
}

/** A row of the list: drawn anew only when what it shows is another, however many rows there are. */
const Listed = memo(function Listed({ view, rowOf, now, selected }: ListedProps) {
  const photo = usePhotoOf(whoseOf(view));
  const longPress = useLongPress(openMenu);
  return (
    // A long press, or the other button of a mouse: the menu's own button is not in view before. Where both tell of a long press, it opens once.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <li data-row={view.conversation} className={styles.row} {...longPress} onContextMenu={(event) => { if (openMenu(event.currentTarget)) event.preventDefault(); }}>
      <ConversationRow {...rowOf(view, selected)} {...(photo !== undefined && { picture: photo })} nowMs={now} selected={selected} onOpen={() => { go({ at: "conversation", id: view.conversation }); }} />
      <div className={styles.acts}><RowMenu view={view} now={now} /></div>
    </li>
  );
});

function NoneYet() {
  const { words } = useSpeech();
  return (
    <div className={styles.empty}>
      <EmptyState
        drawing={<NoConversations />}
        title={words.home.none}
        acts={(
          <>
            <Button kind="lead" icon={UserPlus} onClick={() => { go({ at: "find" }); }}>{words.people.addByNumber}</Button>
            <Button kind="soft" onClick={() => { go({ at: "join" }); }}>{words.group.join}</Button>
          </>
        )}
      >
        {words.home.noneAbout}
      </EmptyState>
    </div>
  );
}

/** What can be done with a conversation from the list. */
function RowMenu({ view, now }: { view: ConversationView; now: number }) {
  const { words } = useSpeech();
  const keep = useKeep();
  const tell = useTell();
  const titleOf = useTitleOf();
  const [mutes, setMutes] = useState(false);
  const id = view.conversation;
  const pinned = view.pinned_ms > 0;
  const muted = isMuted(view, now);
  const archived = isArchived(view, now);
  const marked = view.marked_unread;
  const archive = async (on: boolean): Promise<void> => {
    if (!await keep(id, { archived: on })) return;
    tell(on ? words.home.archived : words.home.unarchived, { onUndo: () => { void keep(id, on ? backFromArchive(view) : { archived: true }); } });
  };
  const acts: Act[] = [
    { label: pinned ? words.home.unpin : words.home.pin, icon: pinned ? PinOff : Pin, onChoose: () => { void keep(id, { pinned: !pinned }); } },
    muted
      ? { label: words.home.unmute, icon: Bell, onChoose: () => { void keep(id, { muted_until: 0 }); } }
      : { label: words.home.mute, icon: BellOff, onChoose: () => { setMutes(true); } },
    { label: archived ? words.home.unarchive : words.home.toArchive, icon: Archive, onChoose: () => { void archive(!archived); } },
    { label: marked ? words.home.markRead : words.home.markUnread, icon: marked ? MailOpen : MessageSquareDot, onChoose: () => { void keep(id, { marked_unread: !marked }); } },
  ];
  return (
    <>
      <Menu small label={words.group.actsOn(titleOf(view))} icon={EllipsisVertical} acts={acts} />
      {mutes && <MuteDialog view={view} onClose={() => { setMutes(false); }} />}
    </>
  );
}
