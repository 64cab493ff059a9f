/** Back to the step before. */
import { ArrowLeft } from "lucide-react";
import { IconButton } from "../../ui/basics/Button";
import { useSpeech } from "../../ui/words/context";

export function BackButton({ onBack }: { onBack: () => void }) {
  const { words } = useSpeech();
  return <div><IconButton icon={ArrowLeft} turns label={words.back} onClick={onBack} /></div>;
}
