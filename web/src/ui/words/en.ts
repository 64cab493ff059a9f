/**
 * Every word that the parts contain, in English. `ar.ts` has the same in Arabic. The chat app's screens
 * have theirs in `app.en.ts`; notices, warnings and failures are in `told.en.ts`.
 *
 * Always holds: a sentence is one function, never put together from pieces elsewhere; what people
 * wrote is isolated.
 */
import { english as app } from "./app.en";
import { type Format, isolate } from "./format";
import { english as told } from "./told.en";

/** English words, numbers written by `format`. */
export function english(format: Format) {
  return {
    // Acts.
    send: "Send",
    cancel: "Cancel",
    close: "Close",
    clear: "Clear",
    back: "Back",
    undo: "Undo",
    retry: "Try again",
    stop: "Stop",
    remove: "Remove",
    more: "More",
    open: "Open",
    save: "Save",
    copy: "Copy",
    reply: "Reply",
    search: "Search",
    show: "Show",
    hide: "Hide",
    accept: "Accept",
    decline: "Decline",
    block: "Block",
    report: "Report",
    download: "Download",
    play: "Play",
    pause: "Pause",
    loading: "Loading",
    removeNamed: (name: string) => `Remove ${isolate(name)}`,

    // Fields.
    optional: "optional",
    showPassphrase: "Show what is typed",
    hidePassphrase: "Hide what is typed",
    digitOf: (n: number, of: number) => `Digit ${format.number(n)} of ${format.number(of)}`,
    charactersLeft: (n: number) => format.plural(n, { one: "# character left", other: "# characters left" }),
    noMatch: (query: string) => `Nothing found for “${isolate(query)}”`,
    matches: (n: number) => format.plural(n, { one: "# match", other: "# matches" }),
    country: "Country",
    phoneNumber: "Phone number",
    searchCountries: "Search country or code",

    // People.
    members: (n: number) => format.plural(n, { one: "# member", other: "# members" }),
    others: (n: number) => format.plural(n, { one: "# other", other: "# others" }),
    admin: "Admin",
    you: "You",
    verified: "Verified",
    online: "Online",
    wantsToTalk: (name: string) => `${isolate(name)} wants to talk to you`,
    requestHelp: "They see that you read it only once you accept.",
    groupsInCommon: (n: number) =>
      format.plural(n, { zero: "No group in common", one: "# group in common", other: "# groups in common" }),
    safetyNumber: "Safety number",
    safetyHelp: (name: string) =>
      `If ${isolate(name)} sees the same digits, nobody stands between you. Compare them face to face, or scan.`,
    safetyMatches: "They are the same",
    qrCode: "QR code",

    // The list of conversations.
    unread: (n: number) => format.plural(n, { one: "# unread message", other: "# unread messages" }),
    unreadMark: "Marked as unread",
    mentioned: "You are mentioned",
    muted: "Muted",
    pinned: "Pinned",
    draft: "Draft",
    typing: (names: readonly string[]) =>
      names.length === 0
        ? "typing…"
        : names.length > 2
          ? format.plural(names.length, { one: "# person is typing…", other: "# people are typing…" })
          : names.length === 1
            ? `${format.list(names)} is typing…`
            : `${format.list(names)} are typing…`,

    // Messages.
    sending: "Sending",
    sent: "Sent",
    delivered: "Delivered",
    read: "Read",
    notSent: "Not sent",
    edited: "edited",
    forwarded: "Forwarded",
    deletedByYou: "You deleted this message",
    deletedBy: (name: string) => `${isolate(name)} deleted this message`,
    vanishesIn: (time: string) => `Vanishes in ${time}`,
    messageFrom: (name: string, time: string) => `${isolate(name)}, ${time}`,
    ownMessage: (time: string) => `You, ${time}`,
    answerTo: (name: string) => `In answer to ${isolate(name)}`,
    reaction: (emoji: string, n: number, own: boolean) =>
      format.plural(n, { one: `${emoji}, # person`, other: `${emoji}, # people` }) + (own ? ", you too" : ""),
    addReaction: "React",
    photo: "Photo",
    photoOf: (about: string) => `Photo: ${isolate(about)}`,
    video: "Video",
    fileGone: "It can not be fetched any more",
    voiceNote: "Voice message",
    playVideo: (length: string) => `Play video, ${length}`,
    position: "Position",
    positionOf: (at: string, of: string) => `${at} of ${of}`,
    speed: (n: number) => `Speed ${format.number(n)}×`,
    uploading: (share: number) => `Uploading, ${format.percent(share)}`,
    downloading: (share: number) => `Downloading, ${format.percent(share)}`,
    unreadBelow: (n: number) => format.plural(n, { one: "# new message", other: "# new messages" }),
    toNewest: "To the newest message",
    suspiciousLink: "This address may not be what it looks like",
    timeline: "Messages",

    // Writing.
    write: "Message",
    attach: "Attach",
    emoji: "Emoji",
    record: "Record a voice message",
    stopRecording: "Stop and keep",
    discardRecording: "Throw the recording away",
    recording: (length: string) => `Recording, ${length}`,
    replyingTo: (name: string) => `Answering ${isolate(name)}`,
    editing: "Editing your message",
    waiting: (n: number) => format.plural(n, { one: "# attachment waits", other: "# attachments wait" }),
    saveEdit: "Save the change",

    // Emoji.
    searchEmoji: "Search emoji",
    recentEmoji: "Recent",
    emojiGroups: {
      smileys: "Smileys",
      people: "People",
      nature: "Animals and nature",
      food: "Food and drink",
      travel: "Travel and places",
      activities: "Activities",
      objects: "Objects",
      symbols: "Symbols",
      flags: "Flags",
    },

    // States.
    notification: "Notifications",
    progress: "Progress",
    notLoaded: "That could not be loaded",
    sortedUp: "sorted, lowest first",
    sortedDown: "sorted, highest first",
    resizeList: "Width of the list",
    mainPlaces: "Places",
    colour: { information: "Note", good: "Done", caution: "Careful", bad: "Problem" },

    // The chat app's screens, and what the core tells by a code.
    ...app(format),
    told: told(format),
  };
}

/** The words of a language. */
export type Words = ReturnType<typeof english>;
