import { useState } from "react";
import { Composer, type ComposerProps } from "../../ui/composer/Composer";
import { EmojiPicker } from "../../ui/composer/EmojiPicker";
import { useSpeech } from "../../ui/words/context";
import { LANDSCAPE, sample, WAVE } from "../samples";
import { type Part, State } from "../Stage";

const nothing = (): void => undefined;
const RECENT = ["🎶", "👍🏽", "❤️", "😂", "🙏", "🎉", "🌻", "☕"];

/** A composer that keeps what is written. */
export function Writes({ start = "", ...rest }: { start?: string } & Partial<ComposerProps>) {
  const [text, setText] = useState(start);
  return <Composer text={text} onText={setText} onSend={() => { setText(""); }} onAttach={nothing} onRecord={nothing} recentEmoji={RECENT} {...rest} />;
}

function Composers() {
  const { language } = useSpeech();
  const say = sample(language);
  const waiting = [
    { id: "1", name: say.photo, bytes: 412_000, picture: LANDSCAPE },
    { id: "2", name: "Evensong.pdf", bytes: 319_488 },
  ];
  return (
    <>
      <State name="empty" phone ground><Writes /></State>
      <State name="written" phone ground><Writes start={say.long} /></State>
      <State name="answering" phone ground><Writes start={say.sixYes} about={{ kind: "reply", name: say.ana, text: say.six }} onLeaveAbout={nothing} /></State>
      <State name="editing" phone ground><Writes start={say.six} about={{ kind: "edit", text: say.six }} onLeaveAbout={nothing} /></State>
      <State name="attachments wait" phone ground><Writes waiting={waiting} onDrop={nothing} /></State>
      <State name="recording" phone ground><Writes recording={{ durationMs: 12_400, wave: WAVE.slice(0, 30) }} onStop={nothing} /></State>
      <State name="closed" phone ground><Writes closed={say.closed} /></State>
    </>
  );
}

function Picker() {
  return <State name="recent first"><EmojiPicker recent={RECENT} onPick={nothing} /></State>;
}

export const writing: readonly Part[] = [
  { id: "composer", title: "Composer", group: "Writing", Show: Composers },
  { id: "emoji-picker", title: "Emoji picker", group: "Writing", Show: Picker },
];
