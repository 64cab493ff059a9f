//! Snapshots for a screen: what there is to show, read from the store. The JSON form of these is
//! the terminal client's `--json` face.

mod core;
mod lines;
mod progress;

use crate::groups::{self, views::GroupView};
use crate::introductions::IS_OPEN;
use crate::timeline::arrived::{QUOTE_CHARS_MAX, Said};
use crate::{Core, CoreError};
use comity_content::{Message as _, proto as said};
use comity_e2ee::safety::{OwnSide, Side};
use comity_wire::{Address, Bytes64, DeviceId, MessageId, UnixMs};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use progress::Progress;
pub use progress::ProgressView;
pub(crate) use progress::{keep_reached, people, people_known_from, reach};

/// The own account on this device.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct AccountView {
    /// Own address.
    pub address: Address,
    /// Own number.
    pub number: String,
    /// Own name.
    pub name: String,
    /// Own about line.
    pub about: String,
    /// This device.
    pub device: DeviceId,
    /// It may change the device list.
    pub owner: bool,
    /// All devices.
    pub devices: Vec<DeviceView>,
    /// Names the own picture, where there is one; another picture has another name.
    pub photo: Option<String>,
}

/// One of the own devices.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct DeviceView {
    /// Its id.
    pub device: DeviceId,
    /// Its name, where this device knows it.
    pub name: String,
    /// It may change the device list.
    pub owner: bool,
    /// The one that is asked.
    pub this: bool,
    /// When it was added.
    pub added_ms: UnixMs,
}

/// A person.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct ContactView {
    /// Where they are.
    pub address: Address,
    /// The number they were found by.
    pub number: String,
    /// Their name, from their profile.
    pub name: String,
    /// Their about line.
    pub about: String,
    /// Both sides agreed to talk.
    pub accepted: bool,
    /// Blocked by the own account.
    pub blocked: bool,
    /// The safety number was compared and still holds.
    pub verified: bool,
    /// Their number belongs to someone else now.
    pub number_moved: bool,
    /// 60 digits in 12 groups.
    pub safety_number: String,
    /// Devices they have.
    pub devices: u32,
    /// Names their picture, where they have one; another picture has another name.
    pub photo: Option<String>,
}

/// A conversation.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct ConversationView {
    /// Local id.
    pub conversation: i64,
    /// `self`, `direct` or `group`.
    pub kind: String,
    /// The other person of a one-to-one conversation.
    pub peer: Option<Address>,
    /// How it is called here; empty while a group's details are arriving.
    pub title: String,
    /// `asking`, `creating`, `active`, `rejoining`, `known`, `left`, `refused`.
    pub state: String,
    /// Unread messages.
    pub unread: u32,
    /// Those of them that mention the own account.
    pub unread_mentions: u32,
    /// Time of the newest message.
    pub last_ms: UnixMs,
    /// The newest line's text; of a file its name, and its caption behind a line break.
    pub last_text: String,
    /// Who said it; absent where nothing was said.
    pub last_author: Option<Address>,
    /// Kind of the newest line; absent where nothing was said.
    pub last_kind: Option<ItemKind>,
    /// How far the newest line is, where it is an own one.
    pub last_status: Option<Status>,
    /// It was taken back, and has no text any more.
    pub last_deleted: bool,
    /// What it brings, where it brings a file.
    pub last_file: Option<FileKind>,
    /// Since when it stands above the others; 0: it does not.
    pub pinned_ms: UnixMs,
    /// It is put away.
    pub archived: bool,
    /// No notification is shown of it until then; 0: they are.
    pub muted_until_ms: UnixMs,
    /// The person wants to look again.
    pub marked_unread: bool,
    /// What was begun to be written.
    pub draft: Option<DraftView>,
    /// Up to which entry the furthest device of the others has it.
    pub delivered_seq: u64,
    /// Up to which entry the others read it.
    pub read_seq: u64,
    /// The person is blocked.
    pub blocked: bool,
    /// Seconds after which messages vanish; 0: they stay.
    pub timer_s: u32,
    /// Of a group only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "boundary", ts(optional))]
    pub group: Option<GroupView>,
}

/// What somebody began to write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
pub struct DraftView {
    /// So far.
    pub text: String,
    /// The message that it answers.
    #[cfg_attr(feature = "boundary", serde(default), ts(optional))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<MessageId>,
}

/// A stranger who asks to talk.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct RequestView {
    /// Who.
    pub address: Address,
    /// What they call themselves.
    pub name: String,
    /// The number that they say is theirs.
    pub number: String,
    /// The app says so too: it was asked who has this number.
    pub number_confirmed: bool,
    /// What they say.
    pub text: String,
    /// When the app took it.
    pub at_ms: UnixMs,
}

/// Kind of a timeline's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A text, or what was said here and taken back, whatever it was.
    Text,
    /// A file.
    Attachment,
    /// Nobody said it: `text` holds its code.
    Notice,
    /// Could not be read; `failure` says why.
    Unreadable,
    /// From a newer program; `text` holds its fallback.
    Unknown,
}

/// How far a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On this device only.
    Queued,
    /// The app has it.
    Sent,
    /// Each of the others who were there has it on a device.
    Delivered,
    /// Each of the others who were there read it.
    Read,
    /// It will not go; `failure` says why.
    Failed,
    /// From someone else.
    Received,
}

/// A line of a timeline.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct TimelineItem {
    /// Names the message for replies, reactions, edits.
    pub message: MessageId,
    /// Place in the log; absent while queued.
    pub seq: Option<u64>,
    /// Kind of line.
    pub kind: ItemKind,
    /// Who.
    pub author: Address,
    /// By the own account.
    pub outgoing: bool,
    /// When the app took it, or when it was written while queued.
    pub at_ms: UnixMs,
    /// How far it is.
    pub status: Status,
    /// Of an own line of a group that the app has: with how many of the others it is how far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "boundary", ts(optional))]
    pub progress: Option<ProgressView>,
    /// The text; of a file its caption.
    pub text: String,
    /// It was edited.
    pub edited: bool,
    /// It was taken back.
    pub deleted: bool,
    /// Why it failed or is unreadable.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "boundary", ts(optional, as = "Option<_>"))]
    pub failure: String,
    /// Text of the quoted message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "boundary", ts(optional))]
    pub quote: Option<QuoteView>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "boundary", ts(optional))]
    pub attachment: Option<AttachmentView>,
    /// Emoji and who set it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "boundary", ts(optional, as = "Option<_>"))]
    pub reactions: Vec<ReactionView>,
    /// Parts of the text that name a member.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "boundary", ts(optional, as = "Option<_>"))]
    pub mentions: Vec<MentionView>,
    /// The member who gave it to this account, which joined later: nobody else vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "boundary", ts(optional))]
    pub told_by: Option<Address>,
    /// When it disappears.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "boundary", ts(optional))]
    pub expires_ms: Option<UnixMs>,
    /// Said before, somewhere else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "boundary", ts(optional, as = "Option<_>"))]
    pub forwarded: bool,
}

/// A part of a text that names a member.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct MentionView {
    /// Where it begins, in UTF-8 bytes of the text.
    pub start: u32,
    /// Bytes that it covers.
    pub length: u32,
    /// Who is meant.
    pub address: Address,
    /// It is the own account.
    pub own: bool,
}

/// What a message answers.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct QuoteView {
    /// The quoted message.
    pub message: Option<MessageId>,
    /// Who said it: of the message as this device has it, else as its quoter says.
    pub author: Option<Address>,
    /// Its beginning: of the message as this device has it, else as its quoter says it was.
    pub preview: String,
    /// This device has the quoted message.
    pub known: bool,
    /// It was taken back.
    pub deleted: bool,
}

/// A file in a message.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct AttachmentView {
    /// Its name.
    pub file_name: String,
    /// IANA media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// It can be fetched.
    pub available: bool,
    /// What its sender says that it is.
    pub kind: FileKind,
    /// Pixels, as its sender says; 0: not known.
    pub width: u32,
    /// Pixels, as its sender says; 0: not known.
    pub height: u32,
    /// How long it plays, as its sender says; 0: not known.
    pub duration_ms: u32,
    /// A tiny blurred picture, base64url, to show before the file is there; empty: none.
    #[cfg_attr(feature = "boundary", ts(as = "String"))]
    pub preview: Bytes64,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Any.
    File,
    /// A picture.
    Image,
    /// A moving one.
    Video,
    /// Sound.
    Audio,
    /// Somebody speaks.
    Voice,
    /// A picture without a frame.
    Sticker,
}

impl FileKind {
    fn of(file: &said::Attachment) -> Self {
        match file.kind() {
            said::AttachmentKind::File => Self::File,
            said::AttachmentKind::Image => Self::Image,
            said::AttachmentKind::Video => Self::Video,
            said::AttachmentKind::Audio => Self::Audio,
            said::AttachmentKind::Voice => Self::Voice,
            said::AttachmentKind::Sticker => Self::Sticker,
        }
    }
}

/// A reaction.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct ReactionView {
    /// Who.
    pub author: Address,
    /// One emoji.
    pub emoji: String,
}

/// A transfer.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct TransferView {
    /// Names it.
    pub transfer: i64,
    /// The conversation whose message it moves the file of.
    pub conversation: Option<i64>,
    /// The message.
    pub message: Option<MessageId>,
    /// To the app, not from it.
    pub upload: bool,
    /// Bytes through.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// `waiting`, `done`, `failed`.
    pub state: String,
    /// The file.
    pub path: Option<String>,
    /// Stable code of why it failed, where it did; `stopped`: its person stopped it.
    pub failure: Option<String>,
}

const ITEM: &str = "message_id, seq, kind, author, outgoing, at_ms, status, text, edited, deleted, failure, content, conversation, expires_ms, told_by";

fn item(row: &Row<'_>) -> Result<Result<(TimelineItem, i64), CoreError>, rusqlite::Error> {
    let deleted: bool = row.get(9)?;
    let kind = match row.get::<_, String>(2)?.as_str() {
        // What it was is not told to who comes later: it looks the same to all.
        "attachment" | "unknown" if deleted => ItemKind::Text,
        "text" => ItemKind::Text,
        "attachment" => ItemKind::Attachment,
        "notice" => ItemKind::Notice,
        "unreadable" => ItemKind::Unreadable,
        _ => ItemKind::Unknown,
    };
    let status = match row.get::<_, String>(6)?.as_str() {
        "queued" => Status::Queued,
        "sent" => Status::Sent,
        "failed" => Status::Failed,
        _ => Status::Received,
    };
    let (Ok(message), Ok(author)) = (
        MessageId::from_slice(&row.get::<_, Vec<u8>>(0)?),
        row.get::<_, String>(3)?.parse(),
    ) else {
        return Ok(Err(CoreError::Damaged("message")));
    };
    // What an older program kept may be more than is taken today.
    let content = match Said::decode(&row.get::<_, Vec<u8>>(11)?) {
        Ok(Said::Line(line)) => line.content,
        _ => said::Content::default(),
    };
    let mut text: String = row.get(7)?;
    let attachment = match &content.body {
        Some(said::content::Body::Attachment(file)) if !deleted => {
            text.clone_from(&file.caption);
            Some(AttachmentView {
                file_name: file.file_name.clone(),
                media_type: file.media_type.clone(),
                size: file.size,
                available: !file.blob.is_empty(),
                kind: FileKind::of(file),
                width: file.width,
                height: file.height,
                duration_ms: file.duration_ms,
                preview: Bytes64(file.preview.clone()),
            })
        }
        _ => None,
    };
    Ok(Ok((
        TimelineItem {
            message,
            seq: row.get(1)?,
            kind,
            author,
            outgoing: row.get(4)?,
            at_ms: row.get(5)?,
            status,
            progress: None,
            text,
            edited: row.get(8)?,
            deleted,
            failure: row.get(10)?,
            quote: content.quote.map(|quote| QuoteView {
                message: MessageId::from_slice(&quote.message_id).ok(),
                author: quote.author.as_ref().and_then(crate::account::address_of),
                preview: first_chars(&quote.preview),
                known: false,
                deleted: false,
            }),
            attachment,
            reactions: Vec::new(),
            mentions: Vec::new(),
            expires_ms: row.get(13)?,
            told_by: row
                .get::<_, Option<String>>(14)?
                .and_then(|teller| teller.parse().ok()),
            forwarded: content.forwarded && !deleted,
        },
        row.get(12)?,
    )))
}

/// The beginning of a text, as quotes show it.
fn first_chars(text: &str) -> String {
    text.chars().take(QUOTE_CHARS_MAX).collect()
}

/// An address where a name would stand: its beginning, which tells apart whom one has to do with.
#[must_use]
pub fn shortened(address: &Address) -> String {
    let text = address.to_string();
    format!("{}…", text.chars().take(8).collect::<String>())
}

/// How somebody is called on a screen who chose `name`: with a mark where the name could be taken
/// for a number, for oneself or for what the program says.
#[must_use]
pub fn called(name: &str, number: &str) -> String {
    let bare: String = name
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control() && !"-().\u{200B}".contains(*c))
        .collect();
    let numeric = bare.chars().filter(char::is_ascii_digit).count() >= 5
        && !bare.chars().any(char::is_alphabetic);
    let taken = ["me", "you"]
        .iter()
        .any(|own| bare.eq_ignore_ascii_case(own));
    let program = bare.starts_with(['—', '#', '+', '~']);
    match (numeric || taken || program, number) {
        (false, _) => name.to_owned(),
        (true, "") => format!("~{name}"),
        (true, number) => format!("~{name} ({number})"),
    }
}

/// Fills in what stands in other tables.
fn complete(
    tx: &Connection,
    conversation: i64,
    items: &mut [TimelineItem],
) -> Result<(), CoreError> {
    // Asks every device of the conversation: only for own lines, which show it.
    let own = items.iter().any(|item| item.status == Status::Sent);
    let progress = own.then(|| Progress::of(tx, conversation)).transpose()?;
    let me = crate::account::Me::load_address(tx)?;
    let mut reactions = tx.prepare_cached(
        "SELECT author, emoji FROM reaction WHERE conversation = ?1 AND target = ?2 AND emoji <> '' ORDER BY at_ms, author",
    )?;
    let any_gone: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM lease WHERE gone = 1)")?
        .query_row([], |row| row.get(0))?;
    let mut quoted = tx.prepare_cached(
        "SELECT text, author, deleted FROM message WHERE conversation = ?1 AND message_id = ?2 AND kind <> 'notice'",
    )?;
    for item in items {
        if any_gone && let Some(file) = &mut item.attachment {
            file.available &= !lines::is_gone(tx, conversation, &item.message)?;
        }
        if let (Status::Sent, Some(seq), Some(progress)) = (item.status, item.seq, &progress) {
            (item.status, item.progress) = progress.at(seq);
        }
        item.seq = item
            .seq
            .filter(|seq| *seq > 0 && item.status != Status::Failed);
        if let Some(quote) = &mut item.quote
            && let Some(id) = &quote.message
        {
            // What was said is known here: nobody else's word for it counts. Of what disappears a
            // quote says nothing itself.
            let found: Option<(String, String, bool)> = quoted
                .query_row((conversation, id.to_vec()), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            if let Some((text, author, deleted)) = found {
                quote.preview = first_chars(&text);
                quote.author = author.parse().ok();
                quote.deleted = deleted;
                quote.known = true;
            }
        }
        let rows = reactions.query_map((conversation, item.message.to_vec()), |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?))
        })?;
        // They stay while a deletion is on its way that may be refused.
        for row in rows.filter(|_| !item.deleted) {
            let (author, emoji) = row?;
            if let Ok(author) = author.parse() {
                item.reactions.push(ReactionView { author, emoji });
            }
        }
        item.mentions = lines::mentions(tx, conversation, &item.message, &me)?;
    }
    Ok(())
}

pub(crate) fn item_by_message(
    tx: &Connection,
    conversation: i64,
    message_id: &[u8],
) -> Result<Option<TimelineItem>, CoreError> {
    let found = tx
        .prepare_cached(&format!(
            "SELECT {ITEM} FROM message WHERE conversation = ?1 AND message_id = ?2"
        ))?
        .query_row((conversation, message_id), item)
        .optional()?
        .transpose()?;
    let Some((found, _)) = found else {
        return Ok(None);
    };
    let mut items = [found];
    complete(tx, conversation, &mut items)?;
    let [found] = items;
    Ok(Some(found))
}

pub(crate) fn contact(
    tx: &Connection,
    address: &Address,
) -> Result<Option<ContactView>, CoreError> {
    Ok(contacts(tx, "address = ?1", [address.to_string()])?.pop())
}

fn contacts<P: rusqlite::Params>(
    tx: &Connection,
    filter: &str,
    params: P,
) -> Result<Vec<ContactView>, CoreError> {
    let me = crate::account::Me::load(tx)?;
    let own = me.as_ref().map(|me| {
        OwnSide::new(&Side {
            address: &me.address,
            root_key: &me.manifest.manifest.root_key,
        })
    });
    let mut statement = tx.prepare_cached(&format!(
        "SELECT address, alias, name, about, accepted, blocked, verified_root, root_key, alias_moved, manifest, photo FROM contact
         WHERE {filter} ORDER BY name, alias"
    ))?;
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let address: Address = row
            .get::<_, String>(0)?
            .parse()
            .map_err(|_| CoreError::Damaged("address"))?;
        let root: Vec<u8> = row.get(7)?;
        let verified: Option<Vec<u8>> = row.get(6)?;
        // Its signatures were checked before it was kept.
        let list = comity_membership::manifest::pinned(&row.get::<_, Vec<u8>>(9)?)
            .map_err(|_| CoreError::Damaged("manifest"))?;
        let safety_number = own.as_ref().map_or_else(String::new, |own| {
            own.number(&Side {
                address: &address,
                root_key: &list.manifest.root_key,
            })
        });
        out.push(ContactView {
            number: row.get(1)?,
            name: row.get(2)?,
            about: row.get(3)?,
            accepted: row.get(4)?,
            blocked: row.get(5)?,
            verified: verified.as_ref() == Some(&root),
            number_moved: row.get(8)?,
            safety_number,
            devices: list.manifest.devices.len().try_into().unwrap_or(0),
            photo: row
                .get::<_, Option<Vec<u8>>>(10)?
                .and_then(|bytes| said::Attachment::decode(bytes.as_slice()).ok())
                .and_then(|photo| picture(&photo)),
            address,
        });
    }
    Ok(out)
}

pub(crate) fn request(
    tx: &Connection,
    address: &Address,
) -> Result<Option<RequestView>, CoreError> {
    Ok(requests(tx, "address = ?1", [address.to_string()])?.pop())
}

fn requests<P: rusqlite::Params>(
    tx: &Connection,
    filter: &str,
    params: P,
) -> Result<Vec<RequestView>, CoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT address, name, alias, first, at_ms,
             EXISTS (SELECT 1 FROM contact c WHERE c.address = request.address AND c.alias = request.alias
                 AND c.alias <> '' AND c.alias_moved = 0)
         FROM request WHERE {filter} AND {IS_OPEN} ORDER BY at_ms"
    ))?;
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let first = said::Content::decode(row.get::<_, Vec<u8>>(3)?.as_slice()).unwrap_or_default();
        out.push(RequestView {
            address: row
                .get::<_, String>(0)?
                .parse()
                .map_err(|_| CoreError::Damaged("address"))?,
            name: row.get(1)?,
            number: row.get(2)?,
            number_confirmed: row.get(5)?,
            text: match first.body {
                Some(said::content::Body::Text(text)) => text.text,
                _ => first.fallback,
            },
            at_ms: row.get(4)?,
        });
    }
    Ok(out)
}

pub(crate) fn transfer(tx: &Connection, id: i64) -> Result<Option<TransferView>, CoreError> {
    Ok(transfers(tx, "id = ?1", [id])?.pop())
}

fn transfers<P: rusqlite::Params>(
    tx: &Connection,
    filter: &str,
    params: P,
) -> Result<Vec<TransferView>, CoreError> {
    // What moves is sealed: a little more than what it holds.
    let mut statement = tx.prepare_cached(&format!(
        "SELECT id, min(done_bytes, plain_size), plain_size, state, path, conversation, message_id, direction <> 'down', failure
         FROM transfer WHERE {filter} ORDER BY id"
    ))?;
    let rows = statement.query_map(params, |row| {
        let message: Option<Vec<u8>> = row.get(6)?;
        Ok(TransferView {
            transfer: row.get(0)?,
            done_bytes: row.get(1)?,
            total_bytes: row.get(2)?,
            state: row.get(3)?,
            path: row.get(4)?,
            conversation: row.get(5)?,
            message: message.and_then(|id| MessageId::from_slice(&id).ok()),
            upload: row.get(7)?,
            failure: Some(row.get::<_, String>(8)?).filter(|code| !code.is_empty()),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The picture of somebody's profile.
pub(crate) fn photo_of(
    tx: &Connection,
    address: &Address,
) -> Result<Option<said::Attachment>, CoreError> {
    let photo: Option<Vec<u8>> = tx
        .prepare_cached("SELECT photo FROM contact WHERE address = ?1")?
        .query_row([address.to_string()], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(photo.and_then(|bytes| said::Attachment::decode(bytes.as_slice()).ok()))
}

/// What a picture is told apart by from the ones before and after it: it is fetched when this changes.
pub(crate) fn picture(photo: &said::Attachment) -> Option<String> {
    let digest = photo.blake3.first_chunk::<16>()?;
    Some(comity_wire::Id16::new(*digest).to_string())
}
