/**
 * An invitation that was opened: what is known of it here, and the way in.
 *
 * Always holds: nobody joins by opening a link alone. Once one is in, the conversation takes this page's place, so that
 * the link does not stay in the address. Deliberately absent: the group's name, until one is in; the link does not have it.
 */
import { useCallback, useEffect, useState } from "react";
import { Button } from "../../ui/basics/Button";
import { Banner, ProgressBar } from "../../ui/feedback/Feedback";
import { Avatar } from "../../ui/people/Avatar";
import { useSpeech } from "../../ui/words/context";
import { useTitleOf } from "../home/lists";
import { Page } from "../people/Page";
import styles from "../people/people.module.css";
import { useConversation, useCore, useEvents, useNameOf, usePhotoOf, useShared } from "../state/context";
import { codeOf, type CoreEvent } from "../state/face";
import { ofGroup } from "../state/photos";
import { back, go, useInviter } from "../state/route";
import { JOIN } from "../state/Told";
import { isInvitation } from "./invitation";

/** How far it got; `conversation` is where one comes to, once the core said so. */
type Joining = { readonly is: "no" } | { readonly is: "asked"; readonly conversation: number | null } | { readonly is: "failed"; readonly code: string };

/** Nothing comes of trying these again. */
const FINAL = ["forbidden", "not_member", "not_found", "refused", "wrong_app"];

export function Invited({ link }: { link: string }) {
  const { words } = useSpeech();
  const core = useCore();
  const { account, conversations, link: line } = useShared();
  const titleOf = useTitleOf();
  const nameOf = useNameOf();
  const by = useInviter();
  const whole = isInvitation(link);
  const [joining, setJoining] = useState<Joining>(whole ? { is: "no" } : { is: "failed", code: "refused" });
  const known = conversations?.find((it) => it.state === "active" && it.group?.link === link);
  const picture = usePhotoOf(known === undefined ? undefined : ofGroup(known.conversation));
  const asked = joining.is === "asked";
  const over = joining.is === "failed" && FINAL.includes(joining.code);
  const comes = useConversation(asked ? (joining.conversation ?? -1) : -1);
  const into = comes?.state === "active" ? comes.conversation : null;
  useEffect(() => { if (into !== null) go({ at: "conversation", id: into }, true); }, [into]);
  const heard = useCallback((event: CoreEvent): void => {
    if (event.event === "failed" && event.act === JOIN) setJoining((was) => (was.is === "asked" ? { is: "failed", code: event.code } : was));
  }, []);
  useEvents(heard);
  const join = async (): Promise<void> => {
    setJoining({ is: "asked", conversation: null });
    try {
      const events = await core.act({ join_by_invitation: { link } });
      const told = events.find((event) => event.event === "conversation_changed");
      if (told?.event === "conversation_changed") setJoining((was) => (was.is === "asked" ? { is: "asked", conversation: told.conversation } : was));
      events.forEach(heard);
    } catch (refused) {
      setJoining({ is: "failed", code: codeOf(refused) });
    }
  };
  const title = known === undefined ? words.group.invited : titleOf(known);
  return (
    <Page title={words.group.join} onBack={() => { back({ at: "chats" }); }}>
      <div className={styles.card}>
        {whole && (
          <div className={styles.face}>
            <Avatar id={known === undefined ? link : String(known.conversation)} name={known === undefined ? "" : title} picture={picture} group size={5} />
            <h3 className={styles.name}><bdi>{title}</bdi></h3>
            {known?.group !== undefined && <p className={styles.about}>{words.members(known.group.people)}</p>}
            {by !== undefined && by !== account?.address && <p className={styles.about}>{words.group.invitedBy(nameOf(by))}</p>}
            <p className={styles.about}>{known === undefined ? words.group.invitedAbout : words.group.isIn}</p>
          </div>
        )}
        {joining.is === "failed" && <Banner kind="bad">{words.told.join(joining.code)}</Banner>}
        {asked && <p role="status" className={styles.about}>{line?.online === false ? words.group.joinsLater : words.group.joining}</p>}
        {asked && <div className={styles.bar}><ProgressBar label={words.group.joining} share={null} /></div>}
        <div className={styles.ways}>
          {known !== undefined && <Button kind="lead" onClick={() => { go({ at: "conversation", id: known.conversation }, true); }}>{words.people.openChat}</Button>}
          {known === undefined && whole && !over && <Button kind="lead" waits={asked} onClick={() => { void join(); }}>{words.group.joinNow}</Button>}
          {joining.is === "failed" && <Button kind={over ? "lead" : "soft"} onClick={() => { go({ at: "join" }, true); }}>{words.group.otherLink}</Button>}
        </div>
      </div>
    </Page>
  );
}
