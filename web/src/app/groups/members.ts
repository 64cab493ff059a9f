/** Who is in a group, asked anew when the group changes. */
import { useEffect, useState } from "react";
import type { ConversationView, MemberView } from "../../core/types";
import { useCore } from "../state/context";
import { codeOf } from "../state/face";

/** Oneself first, then admins, then by name. */
export function ordered(members: readonly MemberView[], language: string): readonly MemberView[] {
  const order = new Intl.Collator(language, { sensitivity: "base" });
  return [...members].sort((a, b) => Number(b.own) - Number(a.own) || Number(b.admin) - Number(a.admin) || order.compare(a.name, b.name));
}

export interface Members {
  /** Undefined before they are known. */
  readonly members?: readonly MemberView[];
  /** Why they could not be asked for. */
  readonly code?: string;
}

export function useMembers(view: ConversationView): Members {
  const core = useCore();
  const [members, setMembers] = useState<Members>({});
  useEffect(() => {
    let gone = false;
    core.ask<"members">({ members: view.conversation }).then((all) => { if (!gone) setMembers({ members: all }); }, (error: unknown) => { if (!gone) setMembers({ code: codeOf(error) }); });
    return () => { gone = true; };
    // The view is another object when the group changed.
  }, [core, view]);
  return members;
}
