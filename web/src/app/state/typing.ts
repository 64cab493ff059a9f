/**
 * Who types where. Always holds: who said nothing more for `SILENT_MS` no longer types; where nothing changed it is the same
 * object, so that a message which arrives draws nothing anew because of it.
 */
import { useEffect, useState } from "react";
import type { Address } from "../../core/types";
import { useCore } from "./context";

const SILENT_MS = 8_000;

type Typing = ReadonlyMap<number, readonly Address[]>;

/** Who types where, with somebody who begins to type in a conversation, or ends. */
export function typed(was: Typing, conversation: number, address: Address, on: boolean): Typing {
  const there = was.get(conversation) ?? [];
  if (there.includes(address) === on) return was;
  const now = on ? [...there, address] : there.filter((it) => it !== address);
  const all = new Map(was);
  if (now.length > 0) all.set(conversation, now);
  else all.delete(conversation);
  return all;
}

/** Who types, by the conversation's local id. */
export function useTyping(): Typing {
  const core = useCore();
  const [typing, setTyping] = useState<Typing>(new Map());
  useEffect(() => {
    const timers = new Map<string, ReturnType<typeof setTimeout>>();
    const set = (conversation: number, address: Address, on: boolean): void => {
      setTyping((was) => typed(was, conversation, address, on));
    };
    const off = core.onEvent((event) => {
      if (event.event === "item") set(event.conversation, event.item.author, false);
      if (event.event !== "typing") return;
      const key = `${String(event.conversation)} ${event.address}`;
      clearTimeout(timers.get(key));
      set(event.conversation, event.address, event.typing);
      if (event.typing) timers.set(key, setTimeout(() => { set(event.conversation, event.address, false); }, SILENT_MS));
    });
    return () => {
      off();
      timers.forEach(clearTimeout);
    };
  }, [core]);
  return typing;
}
