/** Somebody who is not known asks to talk. */
import { Flag } from "lucide-react";
import { useEffect, useState } from "react";
import { Banner } from "../../ui/feedback/Feedback";
import { Section, SettingsRow } from "../../ui/frames/Rows";
import { RequestCard } from "../../ui/people/People";
import { RichText } from "../../ui/timeline/RichText";
import { useSpeech } from "../../ui/words/context";
import { LinkDialog, ReportDialog } from "../conversation/dialogs";
import { useAct, useNow, useShared } from "../state/context";
import { back, go } from "../state/route";
import { useGroupsWith } from "./GroupsInCommon";
import { Page } from "./Page";
import styles from "./people.module.css";

export function Request({ address }: { address: string }) {
  const { words, format } = useSpeech();
  const act = useAct();
  const now = useNow();
  const { conversations, requests } = useShared();
  const request = requests.find((it) => it.address === address);
  const groups = useGroupsWith(address);
  const [waits, setWaits] = useState(false);
  const [reports, setReports] = useState(false);
  const [href, setHref] = useState<string | null>(null);
  // What becomes of it, and no other conversation: others speak meanwhile, too.
  const begun = conversations?.find((it) => it.peer === address)?.conversation;
  useEffect(() => {
    if (waits && begun !== undefined) go({ at: "conversation", id: begun }, true);
  }, [waits, begun]);
  const leave = (): void => { go({ at: "chats" }, true); };
  if (request === undefined) {
    return <Page title={words.people.request} onBack={() => { back({ at: "chats" }); }}><p role="status">{words.people.noRequest}</p></Page>;
  }
  const name = request.name === "" ? request.number : request.name;
  const accept = async (): Promise<void> => {
    setWaits(true);
    if (await act({ accept: address }) === null) setWaits(false);
  };
  return (
    <Page title={words.people.request} onBack={() => { back({ at: "chats" }); }}>
      <RequestCard
        person={{ id: address, name }}
        address={request.number}
        {...(groups !== undefined && groups.length > 0 && { groupsInCommon: groups.length })}
        waits={waits}
        onAccept={() => { void accept(); }}
        onDecline={() => { void act({ decline: address }).then(leave); }}
        onBlock={() => { void act({ block: { address, blocked: true } }).then(leave); }}
      />
      <div className={styles.said} dir="auto"><RichText text={request.text} onSuspicious={setHref} /></div>
      <p className={styles.about}>{words.people.requestAt(format.when(request.at_ms, now))}</p>
      <Banner kind={request.number_confirmed ? "good" : "caution"}>{request.number_confirmed ? words.people.numberConfirmed : words.people.numberUnconfirmed}</Banner>
      <Section><SettingsRow icon={Flag} bad label={words.report} onOpen={() => { setReports(true); }} /></Section>
      {reports && <ReportDialog address={address} lines={[]} onClose={() => { setReports(false); }} />}
      {href !== null && <LinkDialog href={href} onClose={() => { setHref(null); }} />}
    </Page>
  );
}
