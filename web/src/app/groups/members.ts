/** Who is in a group, asked anew when the group changes. */
import { useEffect, useState } from "react";
import type { ConversationView, MemberView } from "../../core/types";
import { useCore } from "../state/context";

/** Oneself first, then admins, then by name. */
export function ordered(members: readonly MemberView[], language: string): readonly MemberView[] {
  const order = new Intl.Collator(language, { sensitivity: "base" });
  return [...members].sort((a, b) => Number(b.own) - Number(a.own) || Number(b.admin) - Number(a.admin) || order.compare(a.name, b.name));
}

export function useMembers(view: ConversationView): readonly MemberView[] | undefined {
  const core = useCore();
  const [members, setMembers] = useState<readonly MemberView[]>();
  useEffect(() => {
    let gone = false;
    core.ask<"members">({ members: view.conversation }).then((all) => { if (!gone) setMembers(all); }, () => { if (!gone) setMembers([]); });
    return () => { gone = true; };
    // The view is another object when the group changed.
  }, [core, view]);
  return members;
}
