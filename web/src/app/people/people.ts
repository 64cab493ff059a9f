/** People in the order in which one looks for them. */
import type { ContactView } from "../../core/types";
import type { Language } from "../../ui/words/format";

export function byName(contacts: readonly ContactView[], language: Language): readonly ContactView[] {
  const order = new Intl.Collator(language, { sensitivity: "base" });
  const key = (it: ContactView): string => (it.name === "" ? it.number : it.name);
  return [...contacts].sort((a, b) => order.compare(key(a), key(b)));
}

/** Digits of a safety number without what stands between its groups. */
export function plainDigits(safetyNumber: string): string {
  return safetyNumber.replace(/\D/gu, "");
}

/** What the QR code of a safety number holds, and what a camera that reads it compares. */
export function safetyCode(digits: string): string {
  return `comity-safety:${digits}`;
}
