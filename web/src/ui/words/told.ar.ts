/** What the core tells by a code, in Arabic. What `told.en.ts` says at its head holds here. */
import { Format, isolate, type SixForms } from "./format";
import { type english, entry, type Notices, type NoticeWords, type Said, type Sentences } from "./told.en";

const you = (it: NoticeWords, own: string, other: (who: string) => string): string => (it.own ? own : other(isolate(it.who)));

const PEOPLE: SixForms = { zero: "لا أحد", one: "شخصًا", two: "شخصين", few: "# أشخاص", many: "# شخصًا", other: "# شخص" };

const notices = (format: Format): Notices => ({
  device_added: (it) => you(it, "تستخدم جهازًا جديدًا.", (who) => `يستخدم ${who} جهازًا جديدًا. قارنا رقم الأمان حين تلتقيان.`),
  device_removed: (it) => you(it, "ذهب أحد أجهزتك.", (who) => `لم يعد ${who} يستخدم أحد أجهزته.`),
  device_recovered: () => "استُعيد حسابك بكلماته على جهاز جديد. إن لم تكن أنت فأزله من الأجهزة وأنشئ كلمات جديدة.",
  owner_added: () => "صار لجهاز آخر من أجهزتك أن يغيّر أجهزتك. إن لم تفعل ذلك فأزله من الأجهزة وأنشئ كلمات استعادة جديدة.",
  owner_removed: () => "لم يعد لأحد أجهزتك أن يغيّر أجهزتك.",
  number_moved: (it) => `صار رقم ${isolate(it.who)} لشخص آخر. قارن رقم الأمان قبل أن تُكمل.`,
  number_lost: () => "صار رقمك لحساب آخر. لم يعد الناس يجدونك به.",
  account_gone: (it) => `حذف ${isolate(it.who)} حسابه. انتهت هذه المحادثة.`,
  gap: () => "قد تنقص هنا رسائل. ما زال لدى الآخرين منها يصل وحده.",
  healing: () => "يجري إصلاح هذه المحادثة.",
  healed: () => "أُصلحت هذه المحادثة.",
  history_differs: () => "رأى أحدهم هنا رسائل غير التي رأيتها. ربما أسقط الخادم بعضها أو غيّره.",
  again_contradicted: (it) => `يقول ${isolate(it.who)} وشخص آخر كلاهما إن رسالة هنا له. أحدهما لا يقول الحقيقة.`,
  rolled_back: () => "فقد الخادم أحدث رسائل هذه المحادثة أو أخفاها.",
  rewritten: () => "لدى الخادم الآن شيء آخر مكان ما أعطاك إياه. ربما يروي روايتين.",
  withheld: () => "يحبس الخادم رسائل من هذه المحادثة. لا يمكن عرض ما بعدها.",
  removed_you: (it) => you(it, "لم يعد هذا الجهاز في المحادثة.", (who) => `أزالك ${who}. لا ترى ما يُقال من الآن.`),
  no_room: () => "لا مكان هنا لكل أجهزتك. يدخل الناقص حين يغادر أحد.",
  group_created: (it) => you(it, "أنشأتَ هذه المجموعة.", (who) => `أنشأ ${who} هذه المجموعة.`),
  left: (it) => you(it, "غادرتَ.", (who) => `غادر ${who}.`),
  joined_by_link: (it) => you(it, "انضممتَ برابط الدعوة.", (who) => `انضم ${who} برابط الدعوة.`),
  link_made: (it) => you(it, "أنشأتَ رابط دعوة.", (who) => `أنشأ ${who} رابط دعوة.`),
  link_revoked: (it) => you(it, "سحبتَ رابط الدعوة.", (who) => `سحب ${who} رابط الدعوة.`),
  description: (it) => you(it, "غيّرتَ الوصف.", (who) => `غيّر ${who} الوصف.`),
  photo: (it) => you(it, "غيّرتَ الصورة.", (who) => `غيّر ${who} الصورة.`),
  now_description: () => "صار الوصف غير ما كان.",
  now_photo: () => "صارت الصورة غير ما كانت.",
  added: (it) => you(it, `أضفتَ ${isolate(it.whom)}.`, (who) => (it.ownWhom ? `أضافك ${who}.` : `أضاف ${who} ${isolate(it.whom)}.`)),
  added_many: (it) => you(it, `أضفتَ ${format.plural(it.count, PEOPLE)}.`, (who) => `أضاف ${who} ${format.plural(it.count, PEOPLE)}.`),
  removed: (it) => you(it, `أزلتَ ${isolate(it.whom)}.`, (who) => (it.ownWhom ? `أزالك ${who}.` : `أزال ${who} ${isolate(it.whom)}.`)),
  admin: (it) => you(it, `جعلتَ ${isolate(it.whom)} مشرفًا.`, (who) => (it.ownWhom ? `جعلك ${who} مشرفًا.` : `جعل ${who} ${isolate(it.whom)} مشرفًا.`)),
  member: (it) => you(
    it,
    it.ownWhom ? "لم تعد مشرفًا." : `سحبتَ الإشراف من ${isolate(it.whom)}.`,
    (who) => (it.ownWhom ? `سحب ${who} الإشراف منك.` : `لم يعد ${isolate(it.whom)} مشرفًا.`),
  ),
  permissions: (it) => you(it, "غيّرتَ ما يُسمح به للأعضاء.", (who) => `غيّر ${who} ما يُسمح به للأعضاء.`),
  name: (it) => you(it, `سمّيتَ هذه المجموعة «${isolate(it.whom)}».`, (who) => `سمّى ${who} هذه المجموعة «${isolate(it.whom)}».`),
  timer: (it) => you(
    it,
    it.span === "" ? "جعلتَ الرسائل تبقى." : `جعلتَ الرسائل تختفي بعد ${it.span}.`,
    (who) => (it.span === "" ? `جعل ${who} الرسائل تبقى.` : `جعل ${who} الرسائل تختفي بعد ${it.span}.`),
  ),
  now_name: (it) => `صار اسم هذه المجموعة «${isolate(it.whom)}».`,
  now_timer: (it) => (it.span === "" ? "تبقى الرسائل الآن." : `تختفي الرسائل الآن بعد ${it.span}.`),
  refused: () => "غيّر الخادم هذه المحادثة خلافًا لقواعدها. لا يُرسل هنا شيء ولا يُقرأ بعد الآن.",
});

const warnings: Sentences = {
  manifest_rollback: "عرض الخادم قائمة أقدم لأجهزة شخص. لم تُتّبع.",
  manifest_fork: "عرض الخادم قائمتين لأجهزة شخص. قارنا رقم الأمان.",
  manifest_too_far: "عرض الخادم قائمة أجهزة لا يبلغها حساب. لم تُتّبع.",
  manifest_invalid: "عرض الخادم قائمة أجهزة غير صحيحة. لم تُتّبع.",
  manifest_of_another: "عرض الخادم قائمة أجهزة شخص آخر. لم تُتّبع.",
  device_recovered: "لحسابك جهاز جديد لم يُدخله أي من أجهزتك. انظر في الأجهزة.",
  owner_added: "صار لجهاز آخر أن يغيّر أجهزتك. انظر في الأجهزة.",
  owner_removed: "لم يعد لأحد أجهزتك أن يغيّر أجهزتك.",
  key_package_invalid: "أعطى الخادم مفاتيح ليست للشخص. لم تُستخدم.",
  key_package_expired: "أعطى الخادم مفاتيح قديمة. تُطلب غيرها؛ تحقق من ساعة هذا الجهاز.",
  commit_refused: "لم يُتّبع تغيير لمحادثة يخالف قواعدها.",
  commit_failed: "لم ينجح تغيير محادثة بعد. تُعاد المحاولة.",
  proposal_refused: "لم يُتّبع تغيير لمحادثة يخالف قواعدها.",
  history_differs: "رأى أحدهم رسائل غير التي رأيتها. انظر الملاحظة في المحادثة.",
  again_contradicted: "يقول شخصان إن الرسالة نفسها لهما. انظر الملاحظة في المحادثة.",
  fork_suspected: "ربما يروي الخادم روايتين لمحادثة واحدة.",
  server_went_back: "عاد الخادم إلى حالة سابقة. قد تنقص رسائل مدة.",
  rolled_back: "فقد الخادم أحدث رسائل محادثة أو أخفاها.",
  rewritten: "لدى الخادم الآن شيء آخر مكان ما أعطاك إياه.",
  withheld: "يحبس الخادم رسائل من محادثة.",
  entry_unreadable: "تعذّرت قراءة رسالة. تُطلب مرة أخرى.",
  welcome_swapped: "أعطى الخادم دعوة محادثة أخرى. لم تُستخدم.",
  welcome_unusable: "أعطى الخادم دعوة لا يستطيع هذا الجهاز استخدامها. تُطلب غيرها.",
  rejoin_failed: "لم يمكن الانضمام إلى محادثة من جديد بعد. تُعاد المحاولة.",
  file_damaged: "ملف ليس كما أرسله صاحبه. رُفض؛ اطلب إرساله مرة أخرى.",
  server_confused: "أجاب الخادم بغير ما سُئل. تُعاد المحاولة.",
  link_key_swapped: "أعطى الخادم مفتاحًا غير الذي يعرضه الجهاز الجديد. لم يُربط شيء.",
  gap: "تنقص رسائل من محادثة: لم تعد لدى الخادم.",
  was_away: "غاب هذا الجهاز طويلًا. ينضم إلى محادثاته من جديد.",
  was_restored: "هذه نسخة أقدم من مخزنك. تُستأنف محادثاته من جديد.",
  details_older: "أُعطي اسم أو صورة أو مؤقت أقدم. لم يُؤخذ به.",
  details_refused: "غيّر الاسم أو الصورة أو المؤقت من لا يحق له. لم يُؤخذ به.",
  introduction_forged: "لم يكن طلب ممن قال الخادم. أُسقط.",
  contents_repeated: "أعطى الخادم شيئًا مرة ثانية. لا يُعرض مرة أخرى.",
  mark_invalid: "لم يكن إيصال ممن قال الخادم. أُسقط.",
  franking_invalid: "وصلت رسالة بلا برهان يتيح الإبلاغ عنها.",
  author_revoked: "لا تُعرض رسالة من جهاز أزاله صاحبه.",
  amendment_refused: "حاول أحدهم تغيير ما ليس له أو بعد فوات الأوان. لم يُتّبع.",
  entry_unknown: "في محادثة ما يحتاج إلى تطبيق أحدث. أعد تحميل الصفحة.",
  store_used_elsewhere: "استُخدمت نسخة من مخزنك في مكان آخر. تُستأنف محادثاته من جديد.",
  root_differs_between_devices: "لدى أجهزتك مفاتيح مختلفة لشخص. قارنا رقم الأمان.",
  promotion_invalid: "قال جهاز إنه جعل هذا الجهاز مالكًا ولا برهان لديه. لم يتغير شيء.",
  wrong_app: "الخادم على هذا العنوان تطبيق آخر. لا يُستخدم.",
};

const failures: Sentences = {
  number_invalid: "هذا ليس رقم هاتف كاملًا. تحقق من البلد والأرقام.",
  code_wrong: "الرمز خاطئ. انظر إليه ثانية أو اطلب رمزًا جديدًا.",
  code_expired: "انتهى هذا الرمز. اطلب رمزًا جديدًا.",
  registration_locked: "على هذا الرقم قفل. تلزم عبارة المرور أو انتظار أيام.",
  number_taken: "لهذا الرقم حساب. أعده أو ابدأ به من جديد.",
  phrase_wrong: "هذه الكلمات لا تفتح الحساب. تحقق من كل منها ومن ترتيبها.",
  not_recoverable: "لم تُنشأ لهذا الحساب كلمات استعادة. اربط بجهاز ما زال فيه.",
  rate_limited: "كان ذلك كثيرًا. انتظر دقائق ثم حاول.",
  too_many: "بلغ العدد حدّه. أزل واحدًا أولًا.",
  quota_exceeded: "امتلأت مساحتك لدى الخادم. احذف ملفات كبيرة أولًا.",
  storage_full: "امتلأ قرص الخادم. حاول لاحقًا.",
  unavailable: "الخادم مشغول. حاول بعد قليل.",
  internal: "حدث خطأ. حاول مرة أخرى، فإن بقي فأعد تحميل الصفحة.",
  unreachable: "تعذّر الوصول إلى الخادم. تحقق من اتصالك وحاول.",
  timeout: "لا جواب بعد. تحقق من اتصالك؛ ربما يتم لاحقًا.",
  not_now: "لا يمكن ذلك الآن. يلزم حساب أو جهاز مالك.",
  not_found: "لم يعد ذلك موجودًا.",
  refused: "ذلك يخالف قاعدة: فات الأوان، أو طويل، أو ليس لك أن تغيّره.",
  too_late: "انقضى الوقت الذي كان يمكن فيه تغيير هذه الرسالة، فبقيت كما كانت.",
  forbidden: "لا يحق لك ذلك هنا.",
  not_member: "لم تعد في هذه المحادثة.",
  account_gone: "هذا الحساب محذوف أو موقوف.",
  consent_needed: "لم يوافقوا على التحدث إليك بعد.",
  too_large: "ذلك كبير. أرسل ما هو أصغر.",
  link_key_swapped: "أعطى الخادم مفتاحًا غير الذي يعرضه الجهاز الجديد. لم يُربط شيء. جرّب شبكة أخرى.",
  grant_invalid: "لم يكن الجواب على هذا الرمز من جهازك. لم يُربط شيء. اعرض رمزًا جديدًا.",
  interrupted: "ليس مؤكدًا أن ذلك تم. انظر قبل أن تعيده.",
  store_failed: "تعذّرت الكتابة في مخزنك. أفرغ مساحة على هذا الجهاز.",
  store_damaged: "مخزنك تالف. اربط هذا المتصفح من جديد.",
  version_unsupported: "هذه الصفحة قديمة على الخادم. أعد تحميلها.",
  microphone_refused: "الميكروفون غير مسموح. اسمح به في إعدادات المتصفح لهذا الموقع.",
  camera_refused: "الكاميرا غير مسموحة أو غير موجودة. اسمح بها في إعدادات المتصفح لهذا الموقع، أو اكتب الرمز.",
  damaged: "ليس كما أرسله صاحبه. اطلب إرساله مرة أخرى.",
  disk: "لا مساحة على هذا الجهاز أو لا يمكن الكتابة عليه.",
  file_gone: "لم يعد الملف لدى الخادم. اطلبه مرة أخرى.",
  source_changed: "تغيّر الملف أثناء إرساله. أرسله مرة أخرى.",
  stopped: "أُوقفت. لم تُرسل.",
  source_gone: "لم يعد الملف موجودًا. اختره مرة أخرى.",
};

const joins: Sentences = {
  forbidden: "لم يعد هذا الرابط صالحًا: سُحب أو أُنشئ غيره. اطلب الرابط الجديد.",
  not_member: "لم يعد هذا الرابط صالحًا: سُحب أو أُنشئ غيره. اطلب الرابط الجديد.",
  not_found: "لم تعد هذه المجموعة موجودة، أو لم يكن الرابط صالحًا قط. اسأل من أعطاك إياه.",
  refused: "هذا ليس رابط دعوة كاملًا. انسخه ثانية من أوله إلى آخره.",
  wrong_app: "هذه المجموعة على خادم آخر لا يتصل به خادمك.",
  too_many: "هذه المجموعة ممتلئة. يمكنك الانضمام حين يغادر أحد.",
};

const unreadable: Sentences = {
  secret_used: "أعطاها الخادم من قبل أو متأخرة كثيرًا",
  undecryptable: "غُيّرت أو ليست لهذا الجهاز",
  epoch_gone: "وصلت متأخرة وذهبت مفاتيحها",
  epoch_ahead: "هي من فرع آخر لهذه المحادثة",
  fork_suspected: "هي من فرع آخر لهذه المحادثة",
  sender_unknown: "ليست ممن تقول إنها منه",
  malformed: "ليست على الصورة التي ينبغي",
  too_large: "هي أكبر مما يُسمح",
  too_far_ahead: "ينقص كثير مما قبلها",
  own_message: "قالها هذا الجهاز ومخزنه أقدم منها",
};

const starts: Readonly<Record<string, Said>> = {
  storage_unavailable: { title: "لا يستطيع هذا المتصفح حفظ الرسائل", text: "النوافذ الخاصة وبعض المتصفحات القديمة لا تستطيع. افتح الصفحة في نافذة عادية لمتصفح حديث." },
  store_in_use: { title: "إنه مفتوح في مكان آخر", text: "نافذة أخرى من هذا المتصفح تفتح رسائلك ولا تجيب. أغلقها ثم حاول." },
  store_newer: { title: "هذه الصفحة أقدم من رسائلك", text: "أعد تحميلها لتحصل على الأحدث. لم يضع شيء." },
  store_failed: { title: "تعذّر فتح رسائلك", text: "أفرغ مساحة على هذا الجهاز ثم حاول." },
  store_damaged: { title: "رسائلك تالفة", text: "امسح بيانات هذا الموقع في المتصفح واربطه من جديد بجهازك الآخر." },
  key_lost: { title: "ذهب مفتاح رسائلك", text: "حذفه المتصفح. امسح بيانات هذا الموقع واربطه من جديد بجهازك الآخر." },
  core_missing: { title: "ينقص جزء من التطبيق", text: "بُنيت هذه الصفحة بلا الجزء الذي يحفظ رسائلك. على من يشغّل الخادم أن يبنيه كاملًا." },
  other_version: { title: "إصدار آخر مفتوح في علامة تبويب أخرى", text: "أعد تحميل علامات التبويب الأخرى لهذا التطبيق أو أغلقها، فيتابع هنا." },
  worker: { title: "لم يبدأ جزء من التطبيق", text: "أعد تحميل الصفحة. إن بقي كذلك فحدّث المتصفح." },
};

const ends: Readonly<Record<string, Said>> = {
  account_gone: { title: "لم يعد هذا الحساب موجودًا", text: "حُذف أو أُوقف. ومُحي ما كان على هذا الجهاز." },
  device_revoked: { title: "أُزيل هذا المتصفح", text: "أزاله جهاز آخر لك من حسابك. ومُحي ما كان عليه." },
  deleted: { title: "حُذف حسابك", text: "مُحي كل ما على هذا الجهاز. شكرًا لأنك كنت هنا." },
};

export function arabic(format: Format): ReturnType<typeof english> {
  const notice = notices(format);
  const failure = (code: string): string => entry(failures, code) ?? "لم ينجح ذلك. حاول بعد قليل.";
  return {
    notice: (code, it) => entry(notice, code)?.(it) ?? "حدث هنا شيء يحتاج عرضه إلى تطبيق أحدث.",
    warning: (code) => entry(warnings, code) ?? "أعطى الخادم شيئًا غير صحيح. لم يُستخدم.",
    failure,
    join: (code) => entry(joins, code) ?? failure(code),
    notSent: (code) => (code === "stopped" ? failure(code) : `لم تُرسل. ${failure(code)}`),
    unreadable: (name, code) => `لا يمكن قراءة رسالة من ${isolate(name)}: ${entry(unreadable, code) ?? "لا تُفتح"}. تصل وحدها إن كانت لدى أحد.`,
    start: (code) => entry(starts, code) ?? { title: "تعذّر بدء التطبيق", text: "أعد تحميل الصفحة. إن بقي كذلك فحدّث المتصفح." },
    ended: (reason) => entry(ends, reason) ?? { title: "لم يعد لهذا الجهاز حساب", text: "مُحي ما كان عليه." },
  };
}

/** The codes that have a sentence here. */
export const CODES = { notices: Object.keys(notices(new Format("ar"))), warnings: Object.keys(warnings), failures: Object.keys(failures), joins: Object.keys(joins), unreadable: Object.keys(unreadable), starts: Object.keys(starts), ends: Object.keys(ends) };
