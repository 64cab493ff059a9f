/** Who types where. Always holds: who said nothing more for `SILENT_MS` no longer types. */
import { useEffect, useState } from "react";
import type { Address } from "../../core/types";
import { useCore } from "./context";

const SILENT_MS = 8_000;

type Typing = ReadonlyMap<number, readonly Address[]>;

/** Who types, by the conversation's local id. */
export function useTyping(): Typing {
  const core = useCore();
  const [typing, setTyping] = useState<Typing>(new Map());
  useEffect(() => {
    const timers = new Map<string, ReturnType<typeof setTimeout>>();
    const set = (conversation: number, address: Address, on: boolean): void => {
      setTyping((was) => {
        const others = (was.get(conversation) ?? []).filter((it) => it !== address);
        return new Map(was).set(conversation, on ? [...others, address] : others);
      });
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
