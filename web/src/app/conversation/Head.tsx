/** The head of a conversation: who, and what can be done; while lines are selected, what to do with them. */
import { Copy, Forward, Search, Trash2, X } from "lucide-react";
import type { RefObject } from "react";
import type { Address, ConversationView } from "../../core/types";
import { IconButton } from "../../ui/basics/Button";
import { Header } from "../../ui/frames/Frames";
import { Avatar } from "../../ui/people/Avatar";
import { useSpeech } from "../../ui/words/context";
import { entry } from "../../ui/words/told.en";
import { DESK } from "../home/Main";
import { useTitleOf } from "../home/lists";
import { useContact, useMedia, useNameOf, usePhotoOf } from "../state/context";
import type { Line } from "../state/face";
import { whoseOf } from "../state/photos";
import { back, go } from "../state/route";

export interface HeadProps {
  readonly view: ConversationView | null;
  readonly typing: readonly Address[];
  readonly onFind?: () => void;
  readonly findButton?: RefObject<HTMLButtonElement | null>;
}

export function Head({ view, typing, onFind, findButton }: HeadProps) {
  const { words, format } = useSpeech();
  const titleOf = useTitleOf();
  const nameOf = useNameOf();
  const desk = useMedia(DESK);
  const contact = useContact(view?.peer);
  const photo = usePhotoOf(view === null ? undefined : whoseOf(view));
  const leave = desk ? {} : { onBack: () => { back({ at: "chats" }); } };
  if (view === null) return <Header title="" {...leave} />;
  const state = entry(words.home.states, view.state) ?? "";
  const timer = view.timer_s > 0 ? words.talk.vanishAfter(format.span(view.timer_s)) : "";
  const names = view.kind === "group" ? typing.map(nameOf) : [];
  const about =
    typing.length > 0 ? words.typing(names)
    : [state, view.group !== undefined ? words.members(view.group.people) : "", contact?.verified === true ? words.verified : "", timer].filter((it) => it !== "").join(" · ");
  const title = titleOf(view);
  return (
    <Header
      {...leave}
      title={title}
      {...(about !== "" && { about })}
      avatar={<Avatar id={view.peer ?? String(view.conversation)} name={title} group={view.kind === "group"} picture={photo} />}
      {...(view.kind !== "self" && { onTitle: () => { go({ at: "about", id: view.conversation }); } })}
      acts={onFind !== undefined && <IconButton {...(findButton !== undefined && { ref: findButton })} icon={Search} label={words.talk.find} onClick={onFind} />}
    />
  );
}

export interface SelectHeadProps {
  readonly lines: readonly Line[];
  readonly onLeave: () => void;
  readonly onForward?: () => void;
  readonly onTakeBack?: () => void;
  readonly onCopy?: () => void;
}

export function SelectHead({ lines, onLeave, onForward, onTakeBack, onCopy }: SelectHeadProps) {
  const { words } = useSpeech();
  return (
    <Header
      title={words.talk.selected(lines.length)}
      avatar={<IconButton icon={X} label={words.cancel} onClick={onLeave} />}
      acts={(
        <>
          {onCopy !== undefined && <IconButton icon={Copy} label={words.copy} onClick={onCopy} />}
          {onForward !== undefined && <IconButton icon={Forward} turns label={words.talk.forward} onClick={onForward} />}
          {onTakeBack !== undefined && <IconButton icon={Trash2} kind="bad" label={words.talk.takeBack} onClick={onTakeBack} />}
        </>
      )}
    />
  );
}
