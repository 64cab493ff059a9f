import { MessageCirclePlus, UserPlus } from "lucide-react";
import { Button } from "../../ui/basics/Button";
import { Badge } from "../../ui/feedback/Badge";
import { Broken, NoConnection, NoConversations, NoMessages, NothingFound } from "../../ui/feedback/Drawings";
import { Banner, EmptyState, ErrorState, ProgressBar, ProgressRing, Skeleton } from "../../ui/feedback/Feedback";
import { useSpeech } from "../../ui/words/context";
import { type Part, State } from "../Stage";
import styles from "../show.module.css";

const nothing = (): void => undefined;

function useOwn() {
  const { language } = useSpeech();
  const ar = language === "ar";
  return {
    told: ar ? "يجري نقل سجلّك من هاتفك." : "Your history is coming from your phone.",
    good: ar ? "رُبط هذا المتصفح." : "This browser is linked.",
    caution: ar ? "قد يمحو هذا المتصفح رسائلك. اسمح له بالاحتفاظ بها." : "This browser may throw your messages away. Let it keep them.",
    keep: ar ? "احتفظ بها" : "Keep them",
    bad: ar ? "لا اتصال بالخادم. ستُرسل رسائلك حين تعود إلى الشبكة." : "No way to the server. Your messages go out when you are online again.",
    none: ar ? "لا محادثات بعد" : "No conversation yet",
    noneText: ar ? "ابدأ برقم هاتف، أو ادعُ شخصًا." : "Begin with a phone number, or invite somebody.",
    begin: ar ? "محادثة جديدة" : "New conversation",
    invite: ar ? "دعوة" : "Invite",
    first: ar ? "ألقِ التحية" : "Say hello",
    firstText: ar ? "لا يقرأ الرسائل هنا سواكما." : "Nobody but you two can read what is said here.",
    search: ar ? "لا نتائج" : "Nothing found",
    searchText: ar ? "جرّب كلمة أقصر أو اسمًا آخر." : "Try a shorter word, or another name.",
    offline: ar ? "أنت خارج الشبكة" : "You are offline",
    offlineText: ar ? "تستطيع القراءة والكتابة، ويُرسل كل شيء لاحقًا." : "You can read and write; all of it goes out later.",
    broken: ar ? "هذا خطأ منا. رسائلك محفوظة." : "That is our mistake. Your messages are safe.",
  };
}

function Banners() {
  const own = useOwn();
  return (
    <>
      <State name="told" wide><Banner kind="information" onClose={nothing}>{own.told}</Banner></State>
      <State name="good" wide><Banner kind="good">{own.good}</Banner></State>
      <State name="careful" wide><Banner kind="caution" acts={<Button size="small">{own.keep}</Button>}>{own.caution}</Banner></State>
      <State name="bad" wide><Banner kind="bad">{own.bad}</Banner></State>
    </>
  );
}

function Badges() {
  const { words, format } = useSpeech();
  return (
    <State name="kinds">
      <div className={styles.row}>
        <Badge label={words.unread(3)}>{format.number(3)}</Badge>
        <Badge kind="quiet" label={words.unread(128)}>{format.number(128)}</Badge>
        <Badge kind="call">@</Badge>
        <Badge kind="soft">{words.admin}</Badge>
        <Badge kind="good">{words.verified}</Badge>
        <Badge kind="bad">{words.notSent}</Badge>
      </div>
    </State>
  );
}

function Progresses() {
  const { words } = useSpeech();
  return (
    <>
      <State name="bar" phone><div className={styles.stack}><ProgressBar label={words.progress} share={0.15} /><ProgressBar label={words.progress} share={0.72} /><ProgressBar label={words.progress} share={null} /></div></State>
      <State name="ring"><div className={styles.row}><ProgressRing label={words.progress} share={0.25} /><ProgressRing label={words.progress} share={0.8} /><ProgressRing label={words.progress} share={null} /></div></State>
    </>
  );
}

function Skeletons() {
  return (
    <>
      <State name="conversations" phone><Skeleton /></State>
      <State name="messages" phone><Skeleton kind="messages" /></State>
    </>
  );
}

function Empties() {
  const own = useOwn();
  return (
    <>
      <State name="no conversation" phone>
        <EmptyState drawing={<NoConversations />} title={own.none} acts={<><Button kind="lead" icon={MessageCirclePlus}>{own.begin}</Button><Button kind="plain" icon={UserPlus}>{own.invite}</Button></>}>{own.noneText}</EmptyState>
      </State>
      <State name="no message" phone><EmptyState drawing={<NoMessages />} title={own.first}>{own.firstText}</EmptyState></State>
      <State name="nothing found" phone><EmptyState drawing={<NothingFound />} title={own.search}>{own.searchText}</EmptyState></State>
      <State name="offline" phone><EmptyState drawing={<NoConnection />} title={own.offline}>{own.offlineText}</EmptyState></State>
    </>
  );
}

function Errors() {
  const own = useOwn();
  return <State name="with a way on" phone><ErrorState drawing={<Broken />} onRetry={nothing}>{own.broken}</ErrorState></State>;
}

export const feedback: readonly Part[] = [
  { id: "banner", title: "Banner", group: "Feedback", Show: Banners },
  { id: "badge", title: "Badge", group: "Feedback", Show: Badges },
  { id: "progress", title: "Progress", group: "Feedback", Show: Progresses },
  { id: "skeleton", title: "Skeleton", group: "Feedback", Show: Skeletons },
  { id: "empty", title: "Empty states", group: "Feedback", Show: Empties },
  { id: "error", title: "Error state", group: "Feedback", Show: Errors },
];
