//! The words on the screen, in English.
//!
//! Always holds: what others wrote passes through [`super::safe_text`] before it is shown, and what
//! they call themselves and their groups through [`called`].

#[path = "words/called.rs"]
mod called;
#[path = "words/failures.rs"]
mod failures;
#[path = "words/notices.rs"]
mod notices;
#[path = "words/warnings.rs"]
mod warnings;

pub(crate) use super::safe_text::{plain, text};
pub(crate) use called::{beside, somebody, who, within};
use comity_client::{
    ContactView, ConversationView, DeviceView, Event, InfoView, ItemKind, MemberView,
    PermissionsView, ReachView, RequestView, Status, TimelineItem, shortened,
};
use comity_wire::Address;
pub(crate) use failures::{not_done, sign_in};
use jiff::civil::Date;
use jiff::{Zoned, tz::TimeZone};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Names of the people on the screen.
pub(crate) type Names = BTreeMap<Address, String>;

/// What somebody wrote, within a sentence: nothing in it ends the quotation.
pub(crate) fn quoted(text: &str) -> String {
    format!("“{}”", plain(text).replace(['“', '”'], "\""))
}

/// Whom one talks with, before the line being typed.
pub(crate) fn prompt(names: &Names, address: &Address) -> String {
    match names.get(address) {
        Some(name) if !name.starts_with('+') => called::beginning(name, PROMPT_CHARS),
        _ => who(names, address),
    }
}

/// The conversation one is in, before the line being typed.
pub(crate) fn prompt_in(names: &Names, view: &ConversationView) -> String {
    match (&view.peer, &view.group) {
        (Some(peer), None) => prompt(names, peer),
        _ if view.title.is_empty() => title(names, view),
        _ => called::beginning(&view.title, PROMPT_CHARS),
    }
}

/// Characters of a name before the line being typed.
const PROMPT_CHARS: usize = 24;

/// The zone that this machine, or `TZ`, is set to.
static ZONE: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);

fn local(at_ms: i64, zone: &TimeZone) -> Zoned {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.to_zoned(zone.clone())
}

/// Hours and minutes, as clocks show them here.
fn clock(at_ms: i64) -> String {
    local(at_ms, &ZONE).strftime("%H:%M").to_string()
}

/// Now.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The day of a time, as calendars show it here.
pub(crate) fn day(at_ms: i64) -> Date {
    local(at_ms, &ZONE).date()
}

/// A heading for the lines of a day.
pub(crate) fn date(day: Date) -> String {
    day.strftime("── %A, %Y-%m-%d ──").to_string()
}

/// A line that stands alone, after its date.
pub(crate) fn dated(names: &Names, item: &TimelineItem) -> String {
    format!("{} {}", day(item.at_ms), line(names, item))
}

/// How far an own line is: in a group two ticks are for all, and how many read it is said until all did.
fn ticks(item: &TimelineItem) -> String {
    if item.deleted {
        return String::new();
    }
    let ticks = match item.status {
        Status::Queued => " ⌛",
        Status::Sent => " ✓",
        Status::Delivered => " ✓✓",
        Status::Read => " ✓✓ read",
        Status::Failed => " ✗ not sent",
        Status::Received => "",
    };
    match item.progress {
        Some(of) if of.read > 0 && of.read < of.people => {
            format!("{ticks} read by {} of {}", of.read, of.people)
        }
        _ => ticks.to_owned(),
    }
}

/// Why nothing is left here.
pub(crate) fn erased(reason: &str) -> String {
    let why = match reason {
        "device_revoked" => "this device was taken out of your account",
        "deleted" => "the account is deleted",
        other => return format!("this store is erased: {}", plain(other)),
    };
    format!("{why}: everything that it held is erased")
}

/// Of a message that is on this device only: whether it goes out by itself, and what it waits for.
pub(crate) fn not_sent_yet(waits_for: Option<&str>) -> String {
    match waits_for {
        Some("unauthenticated") => {
            "not sent: the app does not let this device sign in, and as long as it does not nothing goes out; the act `sync` says why".to_owned()
        }
        other => format!(
            "not sent yet{}: it is kept and goes out by itself, do not say it again",
            what_for(other)
        ),
    }
}

fn what_for(code: Option<&str>) -> String {
    match code {
        None | Some("timeout") => String::new(),
        Some("unreachable") => " (the server was not reached)".to_owned(),
        Some("not_accepted") => " (they have not accepted your request yet)".to_owned(),
        Some("no_keys") => {
            " (none of their devices was there for a long time: one has to come back first)"
                .to_owned()
        }
        Some("account_gone") => " (the app says that this account is gone or suspended)".to_owned(),
        Some(other) => format!(" ({})", plain(other)),
    }
}

/// After which time messages vanish.
pub(crate) fn timer(timer_s: u32) -> String {
    match timer_s {
        0 => "messages stay".to_owned(),
        _ => format!("messages vanish after {}", duration(timer_s)),
    }
}

/// A time in words.
pub(crate) fn duration(seconds: u32) -> String {
    let of = |count: u32, unit: &str| {
        let s = if count == 1 { "" } else { "s" };
        format!("{count} {unit}{s}")
    };
    match seconds {
        _ if seconds.is_multiple_of(86_400) => of(seconds / 86_400, "day"),
        _ if seconds.is_multiple_of(3_600) => of(seconds / 3_600, "hour"),
        _ if seconds.is_multiple_of(60) => of(seconds / 60, "minute"),
        _ => of(seconds, "second"),
    }
}

/// What is other than in a new group, of what those may do who are no admins.
fn permissions(may: PermissionsView) -> impl Iterator<Item = &'static str> {
    let edit = "members may change name, description, picture and timer";
    [
        (may.members_add, "members may add people"),
        (may.members_edit, edit),
        (may.only_admins_speak, "only admins speak"),
        (may.history_for_new, "who joins gets earlier messages"),
    ]
    .into_iter()
    .filter_map(|(holds, text)| holds.then_some(text))
}

/// Whether a notice says that somebody changed that: its flags follow a colon.
pub(crate) fn changes_permissions(notice: &TimelineItem) -> bool {
    notice.text.split(':').next() == Some("permissions")
}

/// What holds in a group now of that.
pub(crate) fn permissions_now(may: PermissionsView) -> String {
    let all: Vec<&str> = permissions(may).collect();
    match all.is_empty() {
        true => "— now: members may speak; the rest is for admins".to_owned(),
        false => format!("— now: {}", all.join("; ")),
    }
}

/// A group and who is in it.
pub(crate) fn group(names: &Names, view: &ConversationView, members: &[MemberView]) -> Vec<String> {
    let mut lines = vec![conversation(names, view)];
    if let Some(group) = &view.group {
        if !group.description.is_empty() {
            lines.push(format!("  {}", plain(&group.description)));
        }
        if view.timer_s > 0 {
            lines.push(format!("  {}", timer(view.timer_s)));
        }
        if view.state == "left" {
            lines.push("  you are in it no more; as you knew it last:".to_owned());
        }
        lines.extend(permissions(group.permissions).map(|text| format!("  {text}")));
        if let Some(link) = group.link.as_ref().filter(|_| view.state != "left") {
            lines.push("  who has this link joins:".to_owned());
            lines.push(link.clone());
        }
    }
    let is_out = view.state == "left";
    for member in members.iter().filter(|member| !(is_out && member.own)) {
        let name = match member.own {
            true => "you".to_owned(),
            false => who(names, &member.address),
        };
        let admin = if member.admin { ", admin" } else { "" };
        lines.push(format!("  {name}{admin}"));
    }
    lines
}

/// Why a message was not sent, by its code.
pub(crate) fn not_sent(failure: &str) -> &str {
    match failure {
        "not_member" => "you are not in this conversation any more",
        "account_gone" => "the account is gone or suspended",
        "forbidden" => "you may not say anything here",
        "not_found" => "there is nobody there any more",
        "too_large" => "it is too large",
        "blocked" => "they take nothing from you",
        other => not_moved(other),
    }
}

/// Why a file was not moved, by its code.
pub(crate) fn not_moved(failure: &str) -> &str {
    match failure {
        "damaged" => "it is not what its sender sent",
        "disk" => "the disk is full, or can not be read or written",
        "file_exists" => "there is a file of this name",
        "folder_missing" => "the folder to save it in is not there",
        "not_found" | "file_gone" => "the app no longer has it",
        "source_changed" => "it changed while it was sent",
        "source_gone" => "it is no longer there",
        other => other,
    }
}

/// Why a message stays closed.
fn unreadable(failure: &str) -> String {
    let why = match failure {
        "secret_used" => "the server gave it before, or much too late",
        "undecryptable" => "it was changed, or sealed for others than this device",
        "epoch_gone" => "it comes too late: its keys are gone",
        "epoch_ahead" | "fork_suspected" => "it is of another branch of this conversation",
        "sender_unknown" => "it is not by whom it says",
        "malformed" => "it is not of the form that it should be",
        "too_large" => "it is larger than it may be",
        "too_far_ahead" => "too many before it are missing",
        "own_message" => "this device said it, and its store is older than that",
        other => other,
    };
    format!("a message can not be read: {why}")
}

/// A timeline's line.
pub(crate) fn line(names: &Names, item: &TimelineItem) -> String {
    let by = |of: fn(&Names, &Address) -> String| match item.outgoing {
        true => "me".to_owned(),
        false => of(names, &item.author),
    };
    let at = clock(item.at_ms);
    let mut said = match item.kind {
        ItemKind::Notice => {
            let notice = notices::notice(names, &item.text, &by(somebody));
            return format!("{at}  — {notice}");
        }
        ItemKind::Unreadable => {
            return format!("{at}  — {}", plain(&unreadable(&item.failure)));
        }
        _ if item.deleted => "(deleted)".to_owned(),
        ItemKind::Unknown => format!("{} (needs a newer program)", text(&item.text)),
        _ => text(&mentioned(names, item)),
    };
    if let Some(file) = &item.attachment {
        let caption = if said.is_empty() {
            String::new()
        } else {
            format!(" {said}")
        };
        said = format!(
            "[{} · {}]{caption}",
            plain(&file.file_name),
            size(file.size)
        );
    }
    if item.forwarded {
        said = format!("(forwarded) {said}");
    }
    if let Some(quote) = &item.quote {
        // Words that this device does not have are only what the quoting person says they were.
        let source = if quote.known || quote.preview.is_empty() {
            ""
        } else {
            ", as they say"
        };
        let preview = plain(&quote.preview).replace(['«', '»'], "\"");
        said = format!("«{preview}»{source} {said}");
    }
    if item.edited && !item.deleted {
        said.push_str(" (edited)");
    }
    if let Some(teller) = &item.told_by {
        said.push_str(&format!(" (as {} tells it)", somebody(names, teller)));
    }
    for (emoji, people) in by_emoji(item) {
        let count = match people.len() {
            1 => String::new(),
            many => format!(" {many}"),
        };
        said.push_str(&format!("  {}{count}", plain(emoji)));
    }
    let ticks = if item.outgoing {
        ticks(item)
    } else {
        String::new()
    };
    format!("{at}  {}: {said}{ticks}", by(who))
}

/// The text with each mention by the name that this device knows, whatever its author wrote there.
fn mentioned(names: &Names, item: &TimelineItem) -> String {
    let mut out = String::new();
    let mut from = 0;
    for mention in &item.mentions {
        let (Ok(start), Ok(length)) = (
            usize::try_from(mention.start),
            usize::try_from(mention.length),
        ) else {
            break;
        };
        let Some(before) = item.text.get(from..start) else {
            break;
        };
        let whom = if mention.own {
            "you".to_owned()
        } else {
            somebody(names, &mention.address)
        };
        out.push_str(&format!("{before}@{whom}"));
        from = start + length;
    }
    out.push_str(item.text.get(from..).unwrap_or_default());
    out
}

/// A line's reactions: each emoji once, in the order in which they came, with who set it.
fn by_emoji(item: &TimelineItem) -> Vec<(&str, Vec<&Address>)> {
    let mut all: Vec<(&str, Vec<&Address>)> = Vec::new();
    for reaction in &item.reactions {
        match all.iter_mut().find(|(emoji, _)| *emoji == reaction.emoji) {
            Some((_, who)) => who.push(&reaction.author),
            None => all.push((&reaction.emoji, vec![&reaction.author])),
        }
    }
    all
}

/// Who has a message, who read it, and who set which reaction.
pub(crate) fn info(names: &Names, info: &InfoView) -> Vec<String> {
    let with = |wanted: fn(&ReachView) -> bool| -> String {
        let people = info.people.iter().filter(|person| wanted(person));
        let people: Vec<String> = people.map(|person| who(names, &person.address)).collect();
        people.join(", ")
    };
    let lists = [
        ("read by", with(|person| person.read)),
        (
            "delivered to",
            with(|person| person.delivered && !person.read),
        ),
        ("not yet", with(|person| !person.delivered)),
    ];
    let lists = lists.into_iter().filter(|(_, people)| !people.is_empty());
    let mut lines = vec![dated(names, &info.item)];
    if !info.item.outgoing {
        lines.push("— of what others said, only they see who has it".to_owned());
    } else if !info.people_known {
        lines.push(
            "— this device came into the group later: it does not know who was there".to_owned(),
        );
    }
    lines.extend(lists.map(|(how, people)| format!("— {how}: {people}")));
    lines.extend(by_emoji(&info.item).into_iter().map(|(emoji, people)| {
        let people: Vec<String> = people.iter().map(|one| who(names, one)).collect();
        format!("— {}: {}", plain(emoji), people.join(", "))
    }));
    lines
}

/// A size in words.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes / 1_048_576),
        _ => format!(
            "{}.{} GiB",
            bytes / 1_073_741_824,
            bytes % 1_073_741_824 / 107_374_183
        ),
    }
}

/// How a conversation is called: by its person's name, or by what somebody named the group.
pub(crate) fn title(names: &Names, view: &ConversationView) -> String {
    match (&view.group, &view.peer) {
        (Some(group), _) if group.details_arriving && view.title.is_empty() => {
            "(details arriving)".to_owned()
        }
        (None, Some(peer)) => who(names, peer),
        _ => beside(&view.title),
    }
}

/// A conversation in the list.
pub(crate) fn conversation(names: &Names, view: &ConversationView) -> String {
    let unread = if view.unread == 0 {
        String::new()
    } else {
        let mentions = match view.unread_mentions {
            0 => String::new(),
            count => format!(", {count} for you"),
        };
        format!(" ({} new{mentions})", view.unread)
    };
    let state = match view.state.as_str() {
        "active" => String::new(),
        "asking" => " · waiting for an answer".to_owned(),
        "creating" | "rejoining" => " · getting ready".to_owned(),
        "known" => " · history only".to_owned(),
        "left" => " · ended".to_owned(),
        _ => " · stopped: the server broke its rules".to_owned(),
    };
    let blocked = if view.blocked { " · blocked" } else { "" };
    let kept: String = [
        (view.pinned_ms > 0, " · pinned"),
        (view.archived, " · archived"),
        (view.muted_until_ms > now_ms(), " · muted"),
        (view.marked_unread && view.unread == 0, " · marked unread"),
    ]
    .into_iter()
    .filter_map(|(is, word)| is.then_some(word))
    .collect();
    let last: String = match view.last_deleted {
        true => "(deleted)".to_owned(),
        false => view.last_text.chars().take(60).collect(),
    };
    // Who said it, where it was said by somebody.
    let by = match &view.last_author {
        Some(author) if !last.is_empty() && view.kind != "self" => {
            match who(names, author).as_str() {
                "you" => "me: ".to_owned(),
                other => format!("{other}: "),
            }
        }
        _ => String::new(),
    };
    format!(
        "#{} {}{unread}{blocked}{kept}{state}  {by}{}",
        view.conversation,
        title(names, view),
        plain(&last)
    )
}

/// A stranger who asks to talk. Their number is their own word until the app confirmed it, their key
/// the app's until the two compare.
pub(crate) fn request(asks: &RequestView) -> String {
    let number = match (asks.number.as_str(), asks.number_confirmed) {
        ("", _) => "no number given".to_owned(),
        (number, true) => format!("{}, confirmed by the app", plain(number)),
        (number, false) => format!(
            "says that {} is theirs: not yet confirmed by the app",
            plain(number)
        ),
    };
    format!(
        "{} ({number}; {}; their key is as the app says, until you compare safety numbers) asks to talk: “{}”",
        within(&comity_client::called(&asks.name, "")),
        shortened(&asks.address),
        text(&asks.text).replace(['“', '”'], "\"")
    )
}

/// An own device.
pub(crate) fn device(view: &DeviceView) -> String {
    let name = match view.name.as_str() {
        "" => "a device without a name".to_owned(),
        name => beside(name),
    };
    let owner = if view.owner { ", owner" } else { "" };
    let this = if view.this { " (this one)" } else { "" };
    format!("{name}  {}{owner}{this}", view.device)
}

/// How far a person is to be trusted: at first contact the app is, and that is said.
pub(crate) fn trust(contact: &ContactView) -> &'static str {
    if contact.number_moved {
        return "their number belongs to someone else now";
    }
    match (contact.blocked, contact.verified) {
        (true, true) => "blocked, verified",
        (true, false) => "blocked",
        (false, true) => "verified",
        (false, false) => "not yet verified",
    }
}

/// What follows for who writes to somebody for the first time; `safety` shows the number to compare.
pub(crate) fn first_contact(contact: &ContactView, safety: &str) -> String {
    if contact.verified && !contact.number_moved {
        "You compared safety numbers with them: verified.".to_owned()
    } else {
        format!("Their key is as the app says: not yet verified. Compare safety numbers: {safety}")
    }
}

/// Somebody whom this device knows: by number and name, where there are any.
pub(crate) fn contact(contact: &ContactView, whole: bool) -> String {
    let mut parts = Vec::new();
    if !contact.number.is_empty() {
        parts.push(plain(&contact.number));
    }
    if !contact.name.is_empty() {
        parts.push(beside(&comity_client::called(&contact.name, "")));
    }
    if whole {
        parts.push(contact.address.to_string());
    } else if parts.is_empty() {
        parts.push(shortened(&contact.address));
    }
    let stranger = match contact.accepted || contact.blocked {
        true => "",
        false => ", you have not agreed to talk",
    };
    format!("{}  ({}{stranger})", parts.join("  "), trust(contact))
}

/// What to say of an event while talking; absent when it is nothing to say.
pub(crate) fn event(names: &Names, event: &Event) -> Option<String> {
    Some(match event {
        Event::Online => "— connected".to_owned(),
        Event::Offline => "— no connection: what you write is sent when it is back".to_owned(),
        Event::Request { request: asks } => {
            let who: String = asks.address.to_string().chars().take(8).collect();
            format!("— {}  /accept {who} or /decline {who}", request(asks))
        }
        Event::DevicesChanged {
            address,
            added,
            removed,
        } => {
            let who = somebody(names, address);
            match (added.is_empty(), removed.is_empty()) {
                (false, _) => format!("— {}", notices::device_added(&who)),
                (_, false) => format!("— {}", notices::device_removed(&who)),
                _ => return None,
            }
        }
        Event::RootChanged { address } => format!(
            "— the number of {} belongs to someone else now: compare safety numbers before you trust the new one",
            somebody(names, address)
        ),
        Event::NumberLost { number } => format!(
            "— {} now belongs to another account: people find you by it no more. /quit, then the act `change-number` sets another one",
            plain(number)
        ),
        Event::Typing {
            address,
            typing: true,
            ..
        } => format!("— {} is typing …", somebody(names, address)),
        Event::Transfer {
            done_bytes,
            total_bytes,
            state,
            path,
            failure,
            ..
        } => match (state.as_str(), path) {
            ("done", Some(path)) => format!("— {} done", plain(path)),
            ("failed", _) => format!(
                "— a file could not be moved: {}",
                plain(not_moved(failure.as_deref().unwrap_or_default()))
            ),
            ("running", _) => format!("— {} of {}", size(*done_bytes), size(*total_bytes)),
            _ => return None,
        },
        Event::Invitation { link, .. } => format!("— who has this link joins the group:\n{link}"),
        Event::HistoryProgress { done, total } => format!("— history: {done} of {total} parts"),
        Event::Linked { name, .. } => format!("— linked: {}", beside(name)),
        Event::Reported => "— reported to the operator".to_owned(),
        Event::Saved { what } => format!("— {}", plain(saved(what)?)),
        Event::Warning { code, .. } => format!("— warning: {}", plain(warnings::warning(code))),
        // Who looked somebody up is answered there.
        Event::Failed { act, .. } if act == "lookup" => return None,
        Event::Failed { act, code, message, .. } => {
            let why = match act.as_str() {
                "sign_in" => sign_in(code, message),
                _ => message.clone(),
            };
            format!("— {}: {}", not_done(act), plain(&why))
        }
        Event::Gone { .. } => "— the app no longer knows this device or account: what is here can be read, nothing is sent".to_owned(),
        Event::Erased { reason } => format!("— {}", erased(reason)),
        _ => return None,
    })
}

/// What the app keeps from now on; absent where what was done says so itself.
fn saved(what: &str) -> Option<&str> {
    Some(match what {
        "block" => return None,
        "profile" => "your profile is saved",
        "photo" => "your picture is saved",
        // Who typed it is told what it is now.
        "registration_lock" => "the registration lock is as you set it",
        "recovery" => "the recovery phrase is good from now on",
        "number" => "your number is saved",
        "device_removed" => "the device is taken out",
        "device_promoted" => "the device is an owner now",
        other => other,
    })
}

#[cfg(test)]
mod tests {
    /// The codes of a table of docs/terminal-client.md, a row each.
    pub(super) fn documented(heading: &str) -> Vec<Vec<String>> {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/terminal-client.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, table) = page.split_once(&format!("\n**{heading}**")).unwrap();
        let rows = table.lines().skip_while(|line| !line.starts_with("| `"));
        let rows = rows.take_while(|line| line.starts_with("| `"));
        let codes = rows.map(|row| {
            let cell = row.split('|').nth(1).unwrap_or_default();
            let codes = cell.split('`').skip(1).step_by(2);
            codes.map(str::to_owned).collect()
        });
        codes.collect()
    }

    use super::{Names, clock, date, line, local, permissions_now, ticks};
    use comity_client::{ItemKind, PermissionsView, ProgressView, Status, TimelineItem};
    use comity_wire::{AccountId, Address, MessageId};
    use jiff::tz::TimeZone;

    #[test]
    fn a_day_has_its_date_where_one_is() {
        let day = |at_ms, hours| {
            let zone = TimeZone::fixed(jiff::tz::offset(hours));
            date(local(at_ms, &zone).date())
        };
        assert_eq!(day(0, 0), "── Thursday, 1970-01-01 ──");
        assert_eq!(day(951_782_400_000, 0), "── Tuesday, 2000-02-29 ──");
        assert_eq!(day(1_796_083_199_000, 0), "── Monday, 2026-11-30 ──");
        assert_eq!(day(1_796_083_199_000, 1), "── Tuesday, 2026-12-01 ──");
        assert_eq!(day(0, -5), "── Wednesday, 1969-12-31 ──");
    }

    fn own_line() -> TimelineItem {
        TimelineItem {
            message: MessageId::new([0; 16]),
            seq: Some(1),
            kind: ItemKind::Text,
            author: Address::new("a.example".parse().unwrap(), AccountId::new([7; 16])),
            outgoing: true,
            at_ms: 0,
            status: Status::Sent,
            progress: None,
            text: String::new(),
            edited: false,
            deleted: false,
            failure: String::new(),
            quote: None,
            attachment: None,
            reactions: Vec::new(),
            mentions: Vec::new(),
            told_by: None,
            expires_ms: None,
            forwarded: false,
        }
    }

    #[test]
    fn what_was_taken_back_is_only_that() {
        let mut item = own_line();
        (item.outgoing, item.status) = (false, Status::Received);
        (item.edited, item.deleted) = (true, true);
        let shown = format!("{}  07070707…: (deleted)", clock(0));
        assert_eq!(line(&Names::new(), &item), shown);
        // As a device knows it that was linked afterwards.
        item.kind = ItemKind::Unknown;
        assert_eq!(line(&Names::new(), &item), shown);
    }

    #[test]
    fn ticks_of_a_group_are_for_all_of_them() {
        let mut item = own_line();
        let mut shown = |status, delivered, read| {
            item.status = status;
            item.progress = Some(ProgressView {
                people: 3,
                delivered,
                read,
            });
            ticks(&item)
        };
        assert_eq!(shown(Status::Sent, 0, 0), " ✓");
        assert_eq!(shown(Status::Sent, 2, 0), " ✓");
        assert_eq!(shown(Status::Sent, 2, 1), " ✓ read by 1 of 3");
        assert_eq!(shown(Status::Delivered, 3, 2), " ✓✓ read by 2 of 3");
        assert_eq!(shown(Status::Read, 3, 3), " ✓✓ read");
    }

    #[test]
    fn what_members_may_do_is_said_whole() {
        let mut may = PermissionsView::default();
        assert_eq!(
            permissions_now(may),
            "— now: members may speak; the rest is for admins"
        );
        (may.members_add, may.only_admins_speak) = (true, true);
        assert_eq!(
            permissions_now(may),
            "— now: members may add people; only admins speak"
        );
    }
}
