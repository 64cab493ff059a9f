/** What is known of a conversation: of its person, or of its group. */
import { useSpeech } from "../../ui/words/context";
import { GroupAbout } from "../groups/GroupAbout";
import { useConversation } from "../state/context";
import { back } from "../state/route";
import { Page } from "./Page";
import { Person } from "./Person";

export function About({ id }: { id: number }) {
  const { words } = useSpeech();
  const view = useConversation(id);
  if (view?.kind === "group") return <GroupAbout view={view} />;
  if (view?.peer != null) return <Person address={view.peer} />;
  return <Page title={words.people.one} deep onBack={() => { back({ at: "chats" }); }}><p>{words.talk.noSuch}</p></Page>;
}
