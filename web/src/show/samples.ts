/** What the parts show on their page: an invented choir, in both languages. */
import type { Language } from "../ui/words/format";

/** A fixed afternoon, so that the page is the same whenever it is opened. */
export const NOW_MS = new Date(2026, 5, 17, 16, 42).getTime();
export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

const text = {
  en: {
    ana: "Ana Marković",
    ben: "Ben Okafor",
    layla: "ليلى حداد",
    yuki: "Yuki Tanaka",
    choir: "Evening choir",
    street: "Garden street, house 12",
    family: "Family",
    hello: "Hello! Did you find the score?",
    found: "Yes — page 4 is the one. See https://example.org/evensong",
    six: "Rehearsal at six? 🎶",
    sixYes: "Six it is.",
    mention: "@Ana Marković could you bring the keys?",
    mentionName: "@Ana Marković",
    long: "I went through the second half again: the altos come in two bars early, and from the key change on nobody hears the organ. If we start there and go on to the end, half an hour should do.",
    suspicious: "Your parcel waits: https://www.соmity.example/pay",
    photo: "The hall, from the gallery",
    draft: "I could come earlier and",
    caption: "From the gallery 🌄",
    about: "Sings alto, bakes bread",
    voice: "Voice message",
    notice: "Yuki Tanaka joined by the link",
    keyChange: "Layla uses a new device. Compare your safety number when you meet.",
    timer: "Ben Okafor let messages vanish after one week",
    failure: "No way to the server. It goes out when you are online again.",
    closed: "Only admins can write here.",
  },
  ar: {
    ana: "آنا ماركوفيتش",
    ben: "Ben Okafor",
    layla: "ليلى حداد",
    yuki: "يوكي تاناكا",
    choir: "جوقة المساء",
    street: "شارع الحديقة، المنزل ١٢",
    family: "العائلة",
    hello: "مرحبًا! هل وجدت النوتة؟",
    found: "نعم، إنها الصفحة الرابعة. انظر https://example.org/evensong",
    six: "التدريب في السادسة؟ 🎶",
    sixYes: "في السادسة إذن.",
    mention: "@آنا ماركوفيتش هل تحضرين المفاتيح؟",
    mentionName: "@آنا ماركوفيتش",
    long: "راجعتُ النصف الثاني مرة أخرى: تدخل الأصوات المنخفضة قبل موعدها بمقطعين، ومن تغيّر المقام فصاعدًا لا يسمع أحد الأرغن. إن بدأنا من هناك حتى النهاية فنصف ساعة تكفي.",
    suspicious: "طردك ينتظر: https://www.соmity.example/pay",
    photo: "القاعة من الشرفة",
    draft: "أستطيع أن آتي أبكر و",
    caption: "من الشرفة 🌄",
    about: "تغنّي وتخبز الخبز",
    voice: "رسالة صوتية",
    notice: "انضمّت يوكي تاناكا عبر الرابط",
    keyChange: "تستخدم ليلى جهازًا جديدًا. قارنا رقم الأمان حين تلتقيان.",
    timer: "جعل Ben Okafor الرسائل تختفي بعد أسبوع",
    failure: "لا اتصال بالخادم. ستُرسل حين تعود إلى الشبكة.",
    closed: "الكتابة هنا للمشرفين فقط.",
  },
} as const;

export type Sample = Readonly<Record<keyof (typeof text)["en"], string>>;

export function sample(language: Language): Sample {
  return text[language];
}

function drawn(svg: string): string {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** A landscape, drawn. */
export const LANDSCAPE = drawn(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300"><defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="#5d4a7e"/><stop offset=".55" stop-color="#e28f6b"/><stop offset="1" stop-color="#f8d9a0"/></linearGradient></defs><rect width="400" height="300" fill="url(#s)"/><circle cx="286" cy="146" r="34" fill="#fff1cf"/><path d="M0 200 90 120l70 62 66-84 92 96 82-52v158H0z" fill="#7b4a68"/><path d="M0 236q110-58 210-12t190-22v98H0z" fill="#4b2f4e"/><path d="M0 270q90-30 200-8t200-14v52H0z" fill="#2c1d33"/></svg>`,
);

/** The same, as small as a placeholder is. */
export const LANDSCAPE_SMALL = drawn(
  `<svg xmlns="http://www.w3.org/2000/svg" width="8" height="6"><rect width="8" height="3" fill="#a8707a"/><rect y="2" width="8" height="2" fill="#ecab7d"/><rect y="3.500" width="8" height="3" fill="#54344f"/><circle cx="5.700" cy="2.800" r=".8" fill="#fff1cf"/></svg>`,
);

/** A face, drawn. */
export const FACE = drawn(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100" fill="#e9c9a8"/><path d="M12 100c4-26 20-34 38-34s34 8 38 34z" fill="#3f6a64"/><circle cx="50" cy="44" r="22" fill="#b97f5a"/><path d="M26 46c-4-26 12-34 26-33s26 12 22 33c-4-16-14-20-24-20s-20 4-24 20z" fill="#3a2430"/></svg>`,
);

/** How loud a voice was: 44 steps. */
export const WAVE = Array.from({ length: 44 }, (_, n) => Math.abs(Math.sin(n * 0.55) * Math.cos(n * 0.21)) * 0.85 + 0.12);

export const SAFETY_DIGITS = "047292610835714983206157402938176550913468270519364802715946";
