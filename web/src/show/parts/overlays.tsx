import { Archive, BellOff, Copy, CornerUpLeft, EllipsisVertical, Forward, Pin, Share2, Trash2 } from "lucide-react";
import { useCallback, useRef, useState } from "react";
import { Button } from "../../ui/basics/Button";
import { Dialog } from "../../ui/overlays/Dialog";
import { type Act, Menu, MenuList } from "../../ui/overlays/Menu";
import { Popover } from "../../ui/overlays/Popover";
import { Toast, ToastPlace } from "../../ui/overlays/Toast";
import { useSpeech } from "../../ui/words/context";
import { type Part, State } from "../Stage";
import styles from "../show.module.css";

const nothing = (): void => undefined;

function useOwn() {
  const { language } = useSpeech();
  const ar = language === "ar";
  return {
    forward: ar ? "إعادة توجيه" : "Forward",
    pin: ar ? "تثبيت" : "Pin",
    mute: ar ? "كتم" : "Mute",
    archive: ar ? "أرشفة" : "Archive",
    remove: ar ? "حذف" : "Delete",
    removeTitle: ar ? "حذف المحادثة؟" : "Delete the conversation?",
    removeText: ar ? "تُحذف من كل أجهزتك. يحتفظ الآخرون بنسختهم." : "It goes from all of your devices. The others keep theirs.",
    removed: ar ? "حُذفت المحادثة" : "Conversation deleted",
    invite: ar ? "دعوة" : "Invite",
    inviteText: ar ? "من لديه هذا الرابط يستطيع الانضمام حتى تلغيه." : "Whoever has this link can join, until you take it back.",
    popover: ar ? "مشفّرة من جهازك إلى أجهزتهم. لا يقرأ الخادم شيئًا." : "Encrypted from your device to theirs. The server reads nothing.",
    encryption: ar ? "التشفير" : "Encryption",
  };
}

function useActs(): readonly Act[] {
  const own = useOwn();
  const { words } = useSpeech();
  return [
    { label: words.reply, icon: CornerUpLeft, turns: true, onChoose: nothing },
    { label: own.forward, icon: Forward, turns: true, onChoose: nothing },
    { label: words.copy, icon: Copy, onChoose: nothing },
    { label: own.pin, icon: Pin, disabled: true, onChoose: nothing },
    { label: own.remove, icon: Trash2, bad: true, apart: true, onChoose: nothing },
  ];
}

function Menus() {
  const own = useOwn();
  const { words } = useSpeech();
  const acts = useActs();
  return (
    <>
      <State name="as it lies open" phone><MenuList label={own.popover} acts={acts} focuses={false} onDone={nothing} /></State>
      <State name="press it"><Menu label={words.more} icon={EllipsisVertical} align="start" acts={acts} /></State>
    </>
  );
}

function Popovers() {
  const own = useOwn();
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = useCallback(() => { setOpen(false); }, []);
  return (
    <State name="press it">
      <Button ref={button} aria-expanded={open} onClick={() => { setOpen(!open); }}>{own.encryption}</Button>
      <Popover open={open} onClose={close} anchor={button} label={own.encryption}><p>{own.popover}</p></Popover>
    </State>
  );
}

function Dialogs() {
  const own = useOwn();
  const { words } = useSpeech();
  const [open, setOpen] = useState<"dialog" | "alert" | "sheet" | null>(null);
  const close = (): void => { setOpen(null); };
  return (
    <>
      <State name="dialog"><Button onClick={() => { setOpen("dialog"); }}>{own.invite}</Button></State>
      <State name="what destroys"><Button kind="bad" onClick={() => { setOpen("alert"); }}>{own.remove}</Button></State>
      <State name="bottom sheet"><Button onClick={() => { setOpen("sheet"); }}>{words.more}</Button></State>
      <Dialog open={open === "dialog"} onClose={close} title={own.invite} acts={<><Button kind="plain" icon={Copy}>{words.copy}</Button><Button kind="lead" icon={Share2}>{words.send}</Button></>}>
        <p>{own.inviteText}</p>
      </Dialog>
      <Dialog
        alerts
        open={open === "alert"}
        onClose={close}
        title={own.removeTitle}
        acts={<><Button kind="soft" onClick={close}>{words.cancel}</Button><Button kind="bad" onClick={close}>{own.remove}</Button></>}
      >
        <p>{own.removeText}</p>
      </Dialog>
      <Dialog open={open === "sheet"} shape="sheet" onClose={close} title={words.more}>
        <MenuList
          label={words.more}
          acts={[
            { label: own.pin, icon: Pin, onChoose: nothing },
            { label: own.mute, icon: BellOff, onChoose: nothing },
            { label: own.archive, icon: Archive, onChoose: nothing },
            { label: own.remove, icon: Trash2, bad: true, apart: true, onChoose: nothing },
          ]}
          onDone={close}
        />
      </Dialog>
    </>
  );
}

function Toasts() {
  const own = useOwn();
  const [live, setLive] = useState(false);
  const close = useCallback(() => { setLive(false); }, []);
  // On the page it would go after a while: these are shown anew.
  const [round, setRound] = useState(0);
  const again = useCallback(() => { setRound((n) => n + 1); }, []);
  return (
    <>
      <State name="with undo"><Toast key={`undo-${String(round)}`} text={own.removed} onUndo={nothing} onClose={again} /></State>
      <State name="told only"><Toast key={`told-${String(round)}`} text={own.inviteText} onClose={again} /></State>
      <State name="press it"><div className={styles.row}><Button onClick={() => { setLive(true); }}>{own.remove}</Button></div></State>
      <ToastPlace>{live && <Toast text={own.removed} onUndo={close} onClose={close} />}</ToastPlace>
    </>
  );
}

export const overlays: readonly Part[] = [
  { id: "menu", title: "Menu", group: "Overlays", Show: Menus },
  { id: "popover", title: "Popover", group: "Overlays", Show: Popovers },
  { id: "dialog", title: "Dialog and sheet", group: "Overlays", Show: Dialogs },
  { id: "toast", title: "Toast", group: "Overlays", Show: Toasts },
];
