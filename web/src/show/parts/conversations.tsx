import { CornerUpLeft, EllipsisVertical, KeyRound, Timer, UserPlus } from "lucide-react";
import { useState } from "react";
import { Menu } from "../../ui/overlays/Menu";
import { FileAttachment, ImageAttachment, type Transfer, VideoAttachment, VoiceAttachment } from "../../ui/timeline/Attachments";
import { DateDivider, Notice, ToNewest, TypingBubble, UnreadDivider } from "../../ui/timeline/Between";
import { Bubble } from "../../ui/timeline/Bubble";
import { ConversationRow, type ConversationRowProps } from "../../ui/timeline/ConversationRow";
import { useSpeech } from "../../ui/words/context";
import { DAY_MS, FACE, LANDSCAPE, LANDSCAPE_SMALL, MINUTE_MS, NOW_MS, sample, WAVE } from "../samples";
import { type Part, State } from "../Stage";

const nothing = (): void => undefined;
const here: Transfer = { kind: "here" };

/** The rows of an invented list. */
export function useRows(): readonly ConversationRowProps[] {
  const { language } = useSpeech();
  const say = sample(language);
  const base = { nowMs: NOW_MS, onOpen: nothing };
  return [
    { ...base, id: "g", name: say.choir, picture: LANDSCAPE, group: true, timeMs: NOW_MS - 2 * MINUTE_MS, unread: 3, mentioned: true, pinned: true, preview: { kind: "text", author: say.ben, text: say.mention } },
    { ...base, id: "a", name: say.ana, picture: FACE, online: true, timeMs: NOW_MS - 9 * MINUTE_MS, selected: true, preview: { kind: "text", text: say.sixYes, progress: "read" } },
    { ...base, id: "d", name: say.layla, online: true, timeMs: NOW_MS - 20 * MINUTE_MS, preview: { kind: "typing", names: [] } },
    { ...base, id: "b", name: say.ben, timeMs: NOW_MS - DAY_MS, preview: { kind: "draft", text: say.draft } },
    { ...base, id: "street", name: say.street, group: true, timeMs: NOW_MS - DAY_MS, unread: 1284, muted: true, preview: { kind: "text", author: say.yuki, text: say.long } },
    { ...base, id: "y", name: say.yuki, timeMs: NOW_MS - 3 * DAY_MS, unread: -1, preview: { kind: "text", text: say.found } },
    { ...base, id: "f", name: say.family, group: true, timeMs: NOW_MS - 40 * DAY_MS, preview: { kind: "text", text: say.caption, progress: "delivered" } },
    { ...base, id: "n", name: say.ben, timeMs: NOW_MS - 50 * DAY_MS, preview: { kind: "text", text: say.six, progress: "failed" } },
  ];
}

function Rows() {
  const rows = useRows();
  return <State name="all that waits" phone>{rows.map((row) => <ConversationRow key={row.id} {...row} />)}</State>;
}

/** An invented conversation of a group. */
export function Story() {
  const { words, language } = useSpeech();
  const say = sample(language);
  const ana = { id: "a", name: say.ana, picture: FACE };
  const ben = { id: "b", name: say.ben };
  const menu = <Menu small label={words.more} icon={EllipsisVertical} acts={[{ label: words.reply, icon: CornerUpLeft, turns: true, onChoose: nothing }]} />;
  const at = (minutes: number): number => NOW_MS - minutes * MINUTE_MS;
  return (
    <>
      <DateDivider timeMs={NOW_MS} nowMs={NOW_MS} />
      <Bubble group author={ana} place="first" timeMs={at(50)} text={say.hello} />
      <Bubble group author={ana} place="last" timeMs={at(49)} text={say.long} reactions={[{ emoji: "👍", count: 3, own: true }, { emoji: "🎶", count: 1, own: false }]} />
      <Bubble author={null} place="first" timeMs={at(46)} text={say.found} progress="read" quote={{ id: "a", name: say.ana, text: say.hello }} menu={menu} />
      <Bubble author={null} place="last" timeMs={at(45)} progress="delivered" text={say.caption} attachment={<ImageAttachment placeholder={LANDSCAPE_SMALL} picture={LANDSCAPE} about={say.photo} width={400} height={300} transfer={here} onOpen={nothing} />} />
      <UnreadDivider count={2} />
      <Bubble group author={ben} place="first" timeMs={at(3)} text={say.mention} mentions={[{ start: 0, end: say.mentionName.length, id: "a" }]} />
      <Bubble group author={ben} place="last" timeMs={at(2)} text="🎶" />
    </>
  );
}

function Bubbles() {
  const { language } = useSpeech();
  const say = sample(language);
  const ana = { id: "a", name: say.ana, picture: FACE };
  const other = { author: ana, timeMs: NOW_MS };
  const own = { author: null, timeMs: NOW_MS };
  return (
    <>
      <State name="a group's story" phone ground><Story /></State>
      <State name="on its way: sending, sent, delivered, read, failed" phone ground>
        {(["sending", "sent", "delivered", "read"] as const).map((progress) => <Bubble key={progress} {...own} progress={progress} text={say.sixYes} />)}
        <Bubble {...own} progress="failed" failure={say.failure} text={say.six} onRetry={nothing} onDiscard={nothing} />
      </State>
      <State name="edited, forwarded, vanishing, deleted, picked" phone ground>
        <Bubble {...other} edited text={say.six} />
        <Bubble {...other} forwarded text={say.found} />
        <Bubble {...own} edited vanishesIn={language === "ar" ? "٦ أيام" : "6 d"} progress="read" text={say.sixYes} />
        <Bubble {...other} deleted />
        <Bubble {...own} deleted />
        <Bubble {...other} picked text={say.hello} />
      </State>
      <State name="emoji alone, look-alike address, quote with picture" phone ground>
        <Bubble {...other} text="🎉👏🏽" />
        <Bubble {...own} text="❤️" progress="read" />
        <Bubble {...other} text={say.suspicious} onSuspicious={nothing} />
        <Bubble {...own} progress="sent" text={say.sixYes} quote={{ id: "d", name: say.layla, text: say.photo, picture: LANDSCAPE }} reactions={[{ emoji: "😂", count: 12, own: false }]} />
      </State>
    </>
  );
}

function Voice({ start, heard, transfer = here }: { start: number; heard: boolean; transfer?: Transfer }) {
  const [position, setPosition] = useState(start);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  return <VoiceAttachment durationMs={47_000} wave={WAVE} position={position} playing={playing} heard={heard} transfer={transfer} speed={speed} onSpeed={setSpeed} onPlay={() => { setPlaying(!playing); }} onSeek={setPosition} />;
}

function Attachments() {
  const { language } = useSpeech();
  const say = sample(language);
  const other = { author: { id: "a", name: say.ana }, timeMs: NOW_MS };
  const own = { author: null, timeMs: NOW_MS };
  const up: Transfer = { kind: "moves", way: "up", share: 0.62, onStop: nothing };
  const down: Transfer = { kind: "moves", way: "down", share: 0.3, onStop: nothing };
  const there: Transfer = { kind: "there", onDownload: nothing };
  const image = { placeholder: LANDSCAPE_SMALL, width: 400, height: 300, onOpen: nothing };
  return (
    <>
      <State name="pictures: there, on its way, here" phone ground>
        <Bubble {...other} attachment={<ImageAttachment {...image} transfer={there} />} />
        <Bubble {...own} progress="sending" attachment={<ImageAttachment {...image} picture={LANDSCAPE} transfer={up} />} />
        <Bubble {...other} text={say.caption} attachment={<ImageAttachment {...image} picture={LANDSCAPE} about={say.photo} transfer={here} />} />
      </State>
      <State name="files: there, on its way, here" phone ground>
        <Bubble {...other} attachment={<FileAttachment name="Evensong.pdf" bytes={319_488} transfer={there} onOpen={nothing} />} />
        <Bubble {...other} attachment={<FileAttachment name="recordings-of-the-whole-year.zip" bytes={1_720_000_000} transfer={down} onOpen={nothing} />} />
        <Bubble {...own} progress="read" attachment={<FileAttachment name="نوتة المساء.pdf" bytes={319_488} transfer={here} onOpen={nothing} />} />
      </State>
      <State name="voice: new, heard, on its way" phone ground>
        <Bubble {...other} attachment={<Voice start={0} heard={false} />} />
        <Bubble {...own} progress="read" attachment={<Voice start={0.4} heard />} />
        <Bubble {...other} attachment={<Voice start={0} heard={false} transfer={there} />} />
      </State>
      <State name="video" phone ground>
        <Bubble {...other} attachment={<VideoAttachment {...image} durationMs={83_000} bytes={14_300_000} transfer={here} />} />
        <Bubble {...own} progress="sending" attachment={<VideoAttachment {...image} durationMs={83_000} bytes={14_300_000} transfer={up} />} />
      </State>
    </>
  );
}

function Betweens() {
  const { language } = useSpeech();
  const say = sample(language);
  return (
    <>
      <State name="dates, unread" phone ground>
        <DateDivider timeMs={NOW_MS - 9 * DAY_MS} nowMs={NOW_MS} />
        <DateDivider timeMs={NOW_MS - DAY_MS} nowMs={NOW_MS} />
        <UnreadDivider count={12} />
      </State>
      <State name="notices" phone ground>
        <Notice icon={UserPlus}>{say.notice}</Notice>
        <Notice icon={Timer}>{say.timer}</Notice>
        <Notice icon={KeyRound} weighty>{say.keyChange}</Notice>
      </State>
      <State name="typing" phone ground><TypingBubble people={[{ id: "a", name: say.ana, picture: FACE }, { id: "b", name: say.ben }]} /></State>
      <State name="back down"><ToNewest unread={12} onPress={nothing} /></State>
    </>
  );
}

export const conversations: readonly Part[] = [
  { id: "conversation-row", title: "Conversation row", group: "Conversations", Show: Rows },
  { id: "bubble", title: "Message bubble", group: "Conversations", Show: Bubbles },
  { id: "attachments", title: "Attachments", group: "Conversations", Show: Attachments },
  { id: "between", title: "Dividers, notices, typing", group: "Conversations", Show: Betweens },
];
