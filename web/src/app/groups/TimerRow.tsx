/** How long what is said stays. */
import { Select } from "../../ui/fields/Select";
import { ControlRow, SettingsRow } from "../../ui/frames/Rows";
import { Timer } from "lucide-react";
import type { ConversationView } from "../../core/types";
import { useSpeech } from "../../ui/words/context";
import { useAct } from "../state/context";

/** Seconds: a day, a week, four weeks, and shorter for who wants it so. */
const CHOICES = [0, 300, 3_600, 28_800, 86_400, 604_800, 2_419_200];

export function TimerRow({ view, may }: { view: ConversationView; may: boolean }) {
  const { words, format } = useSpeech();
  const act = useAct();
  const said = (seconds: number): string => (seconds === 0 ? words.group.stays : format.span(seconds));
  if (!may) return <SettingsRow icon={Timer} label={words.group.timer} value={said(view.timer_s)} />;
  const all = CHOICES.includes(view.timer_s) ? CHOICES : [...CHOICES, view.timer_s].sort((a, b) => a - b);
  return (
    <ControlRow>
      <Select
        label={words.group.timer}
        help={words.group.timerHelp}
        value={String(view.timer_s)}
        options={all.map((seconds) => ({ value: String(seconds), label: said(seconds) }))}
        onChange={(value) => { void act({ set_group_details: { conversation: view.conversation, details: { expires_after_s: Number(value) } } }); }}
      />
    </ControlRow>
  );
}
