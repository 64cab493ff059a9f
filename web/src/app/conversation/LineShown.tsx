/** A line of a conversation: a bubble, a notice, or what can not be read. */
import { CircleAlert, Copy, CornerUpLeft, Download, EllipsisVertical, Flag, Forward, Info, ListChecks, Pencil, SmilePlus, Trash2 } from "lucide-react";
import { memo } from "react";
import type { Address } from "../../core/types";
import { Checkbox } from "../../ui/fields/Choices";
import { type Act, Menu } from "../../ui/overlays/Menu";
import { Notice } from "../../ui/timeline/Between";
import { Bubble } from "../../ui/timeline/Bubble";
import { useSpeech } from "../../ui/words/context";
import { usePhotoOf } from "../state/context";
import type { Line, Reach } from "../state/face";
import { ofPerson } from "../state/photos";
import styles from "./conversation.module.css";
import { FileOf } from "./FileOf";
import { allowed, mentionsOf, progressOf, reactionsOf, type RunPlace } from "./lines";
import { noticeOf } from "./notices";
import { deletedWord } from "./said";

/** What can be done with lines: the same object for as long as the conversation is open. */
export interface LineActs {
  readonly own: Address;
  readonly conversation: number;
  readonly nameOf: (address: Address) => string;
  readonly clock: () => number;
  readonly reply: (line: Line) => void;
  readonly edit: (line: Line) => void;
  /** Absent where one may not say it. */
  readonly takeBack: ((lines: readonly Line[]) => void) | undefined;
  readonly react: (line: Line, emoji: string) => void;
  readonly pickReaction: (line: Line) => void;
  readonly forward: (lines: readonly Line[]) => void;
  readonly copy: (lines: readonly Line[]) => void;
  readonly info: (line: Line) => void;
  readonly report: (lines: readonly Line[]) => void;
  readonly retry: (line: Line) => void;
  readonly save: (line: Line) => void;
  readonly select: (line: Line) => void;
  readonly goTo: (message: string) => void;
  readonly person: (address: Address) => void;
  readonly verify: (address: Address) => void;
  readonly suspicious: (href: string) => void;
  /** Follows a link of a line inside the app; false where it leads elsewhere. */
  readonly follow: (line: Line, href: string) => boolean;
  readonly view: (line: Line) => void;
}

export interface LineShownProps {
  readonly line: Line;
  readonly place: RunPlace;
  readonly group: boolean;
  /** The others may be spoken to here. */
  readonly speaks: boolean;
  readonly acts: LineActs;
  readonly picked: boolean;
  /** Whether it is selected; null while nothing is being selected. */
  readonly selected: boolean | null;
  readonly reach: Reach | null;
  readonly nowMs: number;
  /** It was taken back here, and can be had again. */
  readonly going: boolean;
}

export const LineShown = memo(function LineShown(props: LineShownProps) {
  const { line, selected, acts } = props;
  const { words } = useSpeech();
  if (line.kind === "notice") return <NoticeLine {...props} />;
  if (selected === null) return <Message {...props} />;
  return (
    <div className={styles.choice}>
      <Checkbox label={words.talk.selectOne(acts.nameOf(line.author), line.text)} checked={selected} onChange={() => { acts.select(line); }} />
      <div className={styles.chosen} inert><Message {...props} /></div>
    </div>
  );
});

function NoticeLine({ line, acts }: LineShownProps) {
  const { words, format } = useSpeech();
  const shown = noticeOf(line.text, line.author, { words, format, nameOf: acts.nameOf, own: acts.own });
  const verifies = (shown.code === "device_added" || shown.code === "number_moved") && !line.outgoing && line.author !== acts.own;
  return (
    <Notice
      weighty={shown.weighty}
      {...(shown.icon !== undefined && { icon: shown.icon })}
      acts={verifies && <button type="button" onClick={() => { acts.verify(line.author); }}>{words.people.compare}</button>}
    >
      {shown.text}
    </Notice>
  );
}

/** The failure of a message whose file's way its person ended. */
const STOPPED = "stopped";

function Message({ line, place, group, speaks, acts, picked, reach, nowMs, going, selected }: LineShownProps) {
  const { words, format } = useSpeech();
  const { nameOf } = acts;
  const progress = progressOf(line);
  const picture = usePhotoOf(group && !line.outgoing ? ofPerson(line.author) : undefined);
  if (line.kind === "unreadable") return <Notice icon={CircleAlert}>{words.told.unreadable(nameOf(line.author), line.failure ?? "")}</Notice>;
  const quote = line.quote;
  const quoted = quote === undefined ? undefined : {
    id: quote.author ?? quote.message ?? "",
    name: quote.author === null ? words.talk.quoted : nameOf(quote.author),
    text: quote.deleted ? deletedWord(quote.author, acts.own, nameOf, words) : quote.preview,
    onOpen: () => { if (quote.message !== null && quote.known) acts.goTo(quote.message); },
  };
  const reactions = reactionsOf(line, acts.own);
  const deleted = line.deleted || going;
  const read = reach !== null && reach.read > 0 && reach.read < reach.people ? words.talk.readBy(reach.read, reach.people) : undefined;
  const text = line.kind === "unknown" ? words.talk.newer(line.text) : line.text;
  const vanishes = line.expires_ms === undefined ? undefined : format.left(Math.max(1, (line.expires_ms - nowMs) / 1000));
  const allows = allowed(line, nowMs);
  const answers = speaks && allows.answer;
  return (
    <>
      <Bubble
        author={line.outgoing ? null : { id: line.author, name: nameOf(line.author), picture }}
        group={group}
        place={place}
        timeMs={line.at_ms}
        picked={picked}
        deleted={deleted}
        edited={line.edited}
        mentions={mentionsOf(line)}
        onMention={acts.person}
        onSuspicious={acts.suspicious}
        onLink={(href) => acts.follow(line, href)}
        reactions={deleted ? [] : reactions}
        {...(line.forwarded === true && { forwarded: true })}
        {...(text !== "" && { text })}
        {...(line.kind === "attachment" && !deleted && { attachment: <FileOf line={line} conversation={acts.conversation} onView={acts.view} /> })}
        {...(quoted !== undefined && !deleted && { quote: quoted })}
        {...(progress !== undefined && !going && { progress })}
        {...(read !== undefined && { reach: read })}
        {...(line.status === "failed" && !deleted && {
          failure: words.told.notSent(line.failure ?? ""),
          onRetry: () => { acts.retry(line); },
          ...(line.failure === STOPPED && { retryLabel: words.talk.sendAgain }),
        })}
        {...(vanishes !== undefined && { vanishesIn: vanishes })}
        {...(answers && { onReact: (emoji: string) => { acts.react(line, emoji); } })}
        {...(selected === null && !deleted && { menu: <LineMenu line={line} speaks={speaks} acts={acts} nowMs={nowMs} /> })}
      />
      {line.told_by !== undefined && <p className={styles.vouch}>{words.talk.toldBy(nameOf(line.told_by))}</p>}
    </>
  );
}

function LineMenu({ line, speaks, acts, nowMs }: { line: Line; speaks: boolean; acts: LineActs; nowMs: number }) {
  const { words } = useSpeech();
  const allows = allowed(line, nowMs);
  const { takeBack } = acts;
  const all: readonly (Act | false)[] = [
    speaks && allows.answer && { label: words.reply, icon: CornerUpLeft, turns: true, onChoose: () => { acts.reply(line); } },
    speaks && allows.answer && { label: words.addReaction, icon: SmilePlus, onChoose: () => { acts.pickReaction(line); } },
    allows.forward && { label: words.talk.forward, icon: Forward, turns: true, onChoose: () => { acts.forward([line]); } },
    line.text !== "" && { label: words.copy, icon: Copy, onChoose: () => { acts.copy([line]); } },
    line.attachment !== undefined && { label: words.save, icon: Download, onChoose: () => { acts.save(line); } },
    speaks && allows.edit && { label: words.talk.edit, icon: Pencil, onChoose: () => { acts.edit(line); } },
    line.outgoing && allows.answer && { label: words.talk.info, icon: Info, onChoose: () => { acts.info(line); } },
    { label: words.talk.select, icon: ListChecks, onChoose: () => { acts.select(line); } },
    !line.outgoing && { label: words.report, icon: Flag, apart: true, bad: true, onChoose: () => { acts.report([line]); } },
    allows.takeBack && takeBack !== undefined && { label: words.talk.takeBack, icon: Trash2, apart: true, bad: true, onChoose: () => { takeBack([line]); } },
  ];
  return <Menu small label={words.talk.actsOf} icon={EllipsisVertical} align={line.outgoing ? "end" : "start"} acts={all.filter((act) => act !== false)} />;
}
