/** The words of the invented world, in both languages. */
import type { Language } from "../../ui/words/format";

const text = {
  en: {
    me: "Noor Saleh", meAbout: "Second row, left", phone: "Noor’s phone", gone: "Pia Lindqvist", asked: "Marcus Webb", blocked: "Win Big Prizes", oldGroup: "Summer camp",
    bread: "The bread is in the oven, come when you like.", thanks: "Thank you, that helps a lot.", rain: "It rains here. Bring the large umbrella and the thermos flask.",
    newPhone: "New phone, same me.", bye: "It was lovely. See you somewhere else!", mentionYou: "@Noor Saleh are you there at six?", mentionYouName: "@Noor Saleh",
    choirAbout: "Thursdays at six, in the hall by the park. Bring your own pencil.", yukiAbout: "On trains, mostly",
    stranger: "Tomas Berg", strangerText: "Hello! I got your number from Ben: I would like to sing along, and have some questions first. See https://example.org/tenor",
    first: ["Amal", "Bruno", "Chen", "Dalia", "Emil", "Farah", "Greta", "Hamid", "Ines", "Jonas"], last: ["Abadi", "Brandt", "Costa", "Daoud", "Eriksen", "Fischer", "García", "Haddad", "Ito"],
  },
  ar: {
    me: "نور صالح", meAbout: "الصف الثاني، يسارًا", phone: "هاتف نور", gone: "بيا ليندكفيست", asked: "ماركوس ويب", blocked: "جوائز كبرى", oldGroup: "مخيم الصيف",
    bread: "الخبز في الفرن، تعالَ متى شئت.", thanks: "شكرًا، هذا يساعد كثيرًا.", rain: "المطر ينزل هنا. أحضر المظلة الكبيرة والترمس.",
    newPhone: "هاتف جديد، وأنا كما أنا.", bye: "كان ذلك جميلًا. نلتقي في مكان آخر!", mentionYou: "@نور صالح هل تكون هناك في السادسة؟", mentionYouName: "@نور صالح",
    choirAbout: "الخميس في السادسة، في القاعة قرب الحديقة. أحضر قلمك.", yukiAbout: "في القطارات غالبًا",
    stranger: "توماس بيرغ", strangerText: "مرحبًا! أخذت رقمك من بن: أودّ أن أغنّي معكم ولديّ أسئلة أولًا. انظر https://example.org/tenor",
    first: ["أمل", "برونو", "تشن", "داليا", "إميل", "فرح", "غريتا", "حميد", "إيناس", "يوناس"], last: ["عبادي", "برانت", "كوستا", "داود", "إريكسن", "فيشر", "غارسيا", "حداد", "إيتو"],
  },
} as const;

export interface StageText extends Readonly<Record<Exclude<keyof (typeof text)["en"], "first" | "last">, string>> {
  readonly first: readonly string[];
  readonly last: readonly string[];
}

export function stageText(language: Language): StageText {
  return text[language];
}
