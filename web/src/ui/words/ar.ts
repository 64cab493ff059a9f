/**
 * Every word that the parts contain, in Arabic. What `en.ts` says at its head holds here.
 *
 * Always holds: a counted sentence has all six forms.
 */
import { arabic as app } from "./app.ar";
import type { Words } from "./en";
import { type Format, isolate, type SixForms } from "./format";
import { arabic as told } from "./told.ar";

/** Arabic words, numbers written by `format`. */
export function arabic(format: Format): Words {
  const count = (n: number, forms: SixForms): string => format.plural(n, forms);
  return {
    send: "إرسال",
    cancel: "إلغاء",
    close: "إغلاق",
    clear: "مسح",
    back: "رجوع",
    undo: "تراجع",
    stop: "إيقاف",
    retry: "إعادة المحاولة",
    remove: "إزالة",
    more: "المزيد",
    open: "فتح",
    save: "حفظ",
    copy: "نسخ",
    reply: "رد",
    search: "بحث",
    show: "إظهار",
    hide: "إخفاء",
    accept: "قبول",
    decline: "رفض",
    block: "حظر",
    report: "إبلاغ",
    download: "تنزيل",
    play: "تشغيل",
    pause: "إيقاف مؤقت",
    loading: "جارٍ التحميل",
    removeNamed: (name) => `إزالة ${isolate(name)}`,

    optional: "اختياري",
    showPassphrase: "إظهار ما يُكتب",
    hidePassphrase: "إخفاء ما يُكتب",
    digitOf: (n, of) => `الرقم ${format.number(n)} من ${format.number(of)}`,
    charactersLeft: (n) =>
      count(n, {
        zero: "لم يبق أي حرف",
        one: "بقي حرف واحد",
        two: "بقي حرفان",
        few: "بقيت # أحرف",
        many: "بقي # حرفًا",
        other: "بقي # حرف",
      }),
    noMatch: (query) => `لا نتائج عن «${isolate(query)}»`,
    matches: (n) =>
      count(n, {
        zero: "لا نتائج",
        one: "نتيجة واحدة",
        two: "نتيجتان",
        few: "# نتائج",
        many: "# نتيجة",
        other: "# نتيجة",
      }),
    country: "البلد",
    phoneNumber: "رقم الهاتف",
    searchCountries: "ابحث عن بلد أو رمز",

    members: (n) =>
      count(n, {
        zero: "لا أعضاء",
        one: "عضو واحد",
        two: "عضوان",
        few: "# أعضاء",
        many: "# عضوًا",
        other: "# عضو",
      }),
    others: (n) =>
      count(n, {
        zero: "لا آخرون",
        one: "شخص آخر",
        two: "شخصان آخران",
        few: "# آخرون",
        many: "# آخرون",
        other: "# آخرون",
      }),
    admin: "مشرف",
    you: "أنت",
    verified: "تم التحقق",
    online: "متصل",
    wantsToTalk: (name) => `${isolate(name)} يودّ التحدث إليك`,
    requestHelp: "لن يظهر لهم أنك قرأت الرسالة إلا بعد القبول.",
    groupsInCommon: (n) =>
      count(n, {
        zero: "لا مجموعات مشتركة",
        one: "مجموعة مشتركة واحدة",
        two: "مجموعتان مشتركتان",
        few: "# مجموعات مشتركة",
        many: "# مجموعة مشتركة",
        other: "# مجموعة مشتركة",
      }),
    safetyNumber: "رقم الأمان",
    safetyHelp: (name) =>
      `إن رأى ${isolate(name)} الأرقام نفسها فلا أحد يقف بينكما. قارناها وجهًا لوجه أو امسحا الرمز.`,
    safetyMatches: "الأرقام متطابقة",
    qrCode: "رمز QR",

    unread: (n) =>
      count(n, {
        zero: "لا رسائل غير مقروءة",
        one: "رسالة غير مقروءة",
        two: "رسالتان غير مقروءتين",
        few: "# رسائل غير مقروءة",
        many: "# رسالة غير مقروءة",
        other: "# رسالة غير مقروءة",
      }),
    unreadMark: "وُضعت علامة غير مقروء",
    mentioned: "ذُكر اسمك",
    muted: "مكتوم",
    pinned: "مثبّت",
    draft: "مسودة",
    typing: (names) =>
      names.length === 0
        ? "يكتب…"
        : names.length > 2
          ? count(names.length, {
              zero: "لا أحد يكتب",
              one: "شخص يكتب…",
              two: "شخصان يكتبان…",
              few: "# أشخاص يكتبون…",
              many: "# شخصًا يكتبون…",
              other: "# شخص يكتبون…",
            })
          : names.length === 1
            ? `${format.list(names)} يكتب…`
            : `${format.list(names)} يكتبان…`,

    sending: "جارٍ الإرسال",
    sent: "أُرسلت",
    delivered: "وصلت",
    read: "قُرئت",
    notSent: "لم تُرسل",
    edited: "معدّلة",
    forwarded: "معاد توجيهها",
    deletedByYou: "حذفتَ هذه الرسالة",
    deletedBy: (name) => `حذف ${isolate(name)} هذه الرسالة`,
    vanishesIn: (time) => `تختفي بعد ${time}`,
    messageFrom: (name, time) => `${isolate(name)}، ${time}`,
    ownMessage: (time) => `أنت، ${time}`,
    answerTo: (name) => `ردًا على ${isolate(name)}`,
    reaction: (emoji, n, own) =>
      count(n, {
        zero: `${emoji}، لا أحد`,
        one: `${emoji}، شخص واحد`,
        two: `${emoji}، شخصان`,
        few: `${emoji}، # أشخاص`,
        many: `${emoji}، # شخصًا`,
        other: `${emoji}، # شخص`,
      }) + (own ? "، وأنت منهم" : ""),
    addReaction: "تفاعل",
    photo: "صورة",
    photoOf: (about) => `صورة: ${isolate(about)}`,
    video: "فيديو",
    fileGone: "لم يعد بالإمكان جلبه",
    voiceNote: "رسالة صوتية",
    playVideo: (length) => `تشغيل الفيديو، ${length}`,
    position: "الموضع",
    positionOf: (at, of) => `${at} من ${of}`,
    speed: (n) => `السرعة ${format.number(n)}×`,
    uploading: (share) => `جارٍ الرفع، ${format.percent(share)}`,
    downloading: (share) => `جارٍ التنزيل، ${format.percent(share)}`,
    unreadBelow: (n) =>
      count(n, {
        zero: "لا رسائل جديدة",
        one: "رسالة جديدة",
        two: "رسالتان جديدتان",
        few: "# رسائل جديدة",
        many: "# رسالة جديدة",
        other: "# رسالة جديدة",
      }),
    toNewest: "إلى أحدث رسالة",
    suspiciousLink: "قد لا يكون هذا العنوان كما يبدو",
    timeline: "الرسائل",

    write: "رسالة",
    attach: "إرفاق",
    emoji: "رموز تعبيرية",
    record: "تسجيل رسالة صوتية",
    stopRecording: "إيقاف وحفظ",
    discardRecording: "حذف التسجيل",
    recording: (length) => `جارٍ التسجيل، ${length}`,
    replyingTo: (name) => `رد على ${isolate(name)}`,
    editing: "تعديل رسالتك",
    waiting: (n) =>
      count(n, {
        zero: "لا مرفقات تنتظر",
        one: "مرفق واحد ينتظر",
        two: "مرفقان ينتظران",
        few: "# مرفقات تنتظر",
        many: "# مرفقًا ينتظر",
        other: "# مرفق ينتظر",
      }),
    saveEdit: "حفظ التعديل",

    searchEmoji: "ابحث عن رمز",
    recentEmoji: "الأخيرة",
    emojiGroups: {
      smileys: "وجوه",
      people: "أشخاص",
      nature: "حيوانات وطبيعة",
      food: "طعام وشراب",
      travel: "سفر وأماكن",
      activities: "أنشطة",
      objects: "أشياء",
      symbols: "رموز",
      flags: "أعلام",
    },

    notification: "الإشعارات",
    progress: "التقدم",
    notLoaded: "تعذّر التحميل",
    sortedUp: "مرتّب من الأصغر",
    sortedDown: "مرتّب من الأكبر",
    resizeList: "عرض القائمة",
    mainPlaces: "الأماكن",
    colour: { information: "ملاحظة", good: "تم", caution: "انتبه", bad: "مشكلة" },

    ...app(format),
    told: told(format),
  };
}
