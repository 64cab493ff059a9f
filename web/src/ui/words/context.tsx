/** Hands the words of one language to the parts. Without one around them, parts speak English. */
import { createContext, type ReactNode, useContext, useMemo } from "react";
import { arabic } from "./ar";
import { english, type Words } from "./en";
import { type Direction, directionOf, Format, type Language } from "./format";

/** What a part needs to speak. */
export interface Speech {
  readonly words: Words;
  readonly format: Format;
  readonly language: Language;
  readonly direction: Direction;
}

/** Words and formats of `language`; `direction` where it is not the language's own, `reader` for a locale of where the reader is. */
export function speak(language: Language, direction: Direction = directionOf(language), reader: string = language): Speech {
  const format = new Format(language, reader);
  return { words: language === "ar" ? arabic(format) : english(format), format, language, direction };
}

const SpeechContext = createContext<Speech>(speak("en"));

/** Everything below speaks `language`. */
export function Speaks(props: { language: Language; direction?: Direction; reader?: string; children: ReactNode }) {
  const { language, direction, reader, children } = props;
  const speech = useMemo(() => speak(language, direction, reader), [language, direction, reader]);
  return <SpeechContext value={speech}>{children}</SpeechContext>;
}

/** The words and formats in force here. */
export function useSpeech(): Speech {
  return useContext(SpeechContext);
}
