/** Hands the words of one language to the parts. Without one around them, parts speak English. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import type { Words } from "./en";
import { type Direction, directionOf, Format, type Language } from "./format";
import { isHere, learn, wordsIn } from "./languages";

/** What a part needs to speak. */
export interface Speech {
  readonly words: Words;
  readonly format: Format;
  readonly language: Language;
  readonly direction: Direction;
}

/** Words and formats of `language`, which has to be here; `direction` where it is not the language's own, `reader` for a locale of where the reader is. */
export function speak(language: Language, direction: Direction = directionOf(language), reader: string = language): Speech {
  const format = new Format(language, reader);
  return { words: wordsIn(language, format), format, language, direction };
}

const SpeechContext = createContext<Speech>(speak("en"));

/** `wanted` once its words are here, and until then what was spoken before; undefined before the first are here. */
export function useSpoken(wanted: Language): Language | undefined {
  const [spoken, setSpoken] = useState(isHere(wanted) ? wanted : undefined);
  useEffect(() => {
    let gone = false;
    const speaks = (language: Language): void => { if (!gone) setSpoken(language); };
    // Where they can not be had, what is here is better than nothing.
    learn(wanted).then(() => { speaks(wanted); }, () => { setSpoken((now) => now ?? "en"); });
    return () => { gone = true; };
  }, [wanted]);
  return spoken;
}

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
