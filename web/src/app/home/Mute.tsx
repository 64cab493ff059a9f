/** For how long a conversation is quiet: the choice, and the row that leads to it. */
import { Bell, BellOff } from "lucide-react";
import { useState } from "react";
import type { ConversationView } from "../../core/types";
import { Section, SettingsRow } from "../../ui/frames/Rows";
import { Dialog } from "../../ui/overlays/Dialog";
import { useSpeech } from "../../ui/words/context";
import { useClock, useKeep, useNow } from "../state/context";
import { ALWAYS_MS, isMuted, MUTES, mutedUntil } from "../state/keeping";

export function MuteDialog({ view, onClose }: { view: ConversationView; onClose: () => void }) {
  const { words } = useSpeech();
  const keep = useKeep();
  const clock = useClock();
  const choose = (until: number): void => {
    onClose();
    void keep(view.conversation, { muted_until: until });
  };
  return (
    <Dialog open shape="sheet" onClose={onClose} title={words.home.muteTitle}>
      <Section about={words.people.muteHelp}>
        {MUTES.map((mute) => <SettingsRow key={mute} icon={BellOff} label={words.home.mutes[mute]} onOpen={() => { choose(mutedUntil(mute, clock())); }} />)}
        {isMuted(view, clock()) && <SettingsRow icon={Bell} label={words.home.unmute} onOpen={() => { choose(0); }} />}
      </Section>
    </Dialog>
  );
}

/** Whether it is quiet, and until when. */
export function MuteRow({ view }: { view: ConversationView }) {
  const { words, format } = useSpeech();
  const now = useNow();
  const [open, setOpen] = useState(false);
  const until = view.muted_until_ms;
  const value =
    !isMuted(view, now) ? words.home.notMuted
    : until >= ALWAYS_MS ? words.home.mutes.always
    : words.home.mutedUntil(format.when(until, now), format.time(until));
  return (
    <>
      <SettingsRow icon={isMuted(view, now) ? BellOff : Bell} label={words.home.mute} help={words.people.muteHelp} value={value} onOpen={() => { setOpen(true); }} />
      {open && <MuteDialog view={view} onClose={() => { setOpen(false); }} />}
    </>
  );
}
