//! What somebody else's program said, made into what this one works with: once, on arrival.
//!
//! Always holds: behind [`Said`] and [`Line`] every id has its length and nothing is longer than
//! what the own program would say; the rest is [`Unfit`], which costs one line and stops nothing.
//! Own words pass here too. Deliberately absent: who may say what (`apply`), and the words of a
//! screen.

use crate::CoreError;
use crate::arrival::is_place;
use comity_content::{Message as _, proto as said};
use comity_wire::{MessageId, limits};

/// Bytes of a file's name and of its media type.
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// Characters of a quote's preview.
pub(crate) const QUOTE_CHARS_MAX: usize = 120;
/// Bytes of the tiny picture that comes with a file.
pub(crate) const PREVIEW_BYTES_MAX: usize = 4 * 1024;
/// Characters of an emoji: families of many people are long.
const EMOJI_CHARS_MAX: usize = 16;

/// Why something said can not be taken; the code of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit(pub(crate) &'static str);

const MALFORMED: Unfit = Unfit("malformed");
const TOO_LARGE: Unfit = Unfit("too_large");

impl From<Unfit> for CoreError {
    /// For own words, which were checked before.
    fn from(unfit: Unfit) -> Self {
        Self::Refused(format!("a message is {}", unfit.0))
    }
}

/// A content that has a line of its own.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) message: MessageId,
    pub(crate) kind: &'static str,
    /// What is shown and searched.
    pub(crate) text: String,
    /// As it was said.
    pub(crate) content: said::Content,
}

impl Line {
    /// Of own words, or of words that are known to have a line.
    pub(crate) fn new(content: said::Content) -> Result<Self, Unfit> {
        match Said::arrive(content)? {
            Said::Line(line) => Ok(line),
            _ => Err(MALFORMED),
        }
    }
}

/// What was said.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack, and nearly always a line"
)]
pub(crate) enum Said {
    Line(Line),
    Reaction(Reaction),
    Edit { target: MessageId, text: String },
    Deletion { target: MessageId },
    ProfileShared { key: [u8; 32], ask: bool },
    HistoryPart(said::HistoryPart),
    DeviceSync(said::DeviceSync),
    Left,
    Unread(said::Unread),
    Again(said::Again),
    GroupHistory(said::GroupHistory),
}

/// An emoji at a message; an empty one takes it back.
#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub(crate) target: MessageId,
    pub(crate) emoji: String,
}

impl Reaction {
    pub(crate) fn arrive(target: &[u8], emoji: &str) -> Result<Self, Unfit> {
        if emoji.chars().count() > EMOJI_CHARS_MAX {
            return Err(TOO_LARGE);
        }
        if emoji.chars().any(char::is_control) {
            return Err(MALFORMED);
        }
        Ok(Self {
            target: id(target)?,
            emoji: emoji.to_owned(),
        })
    }
}

impl Said {
    /// Takes what came.
    pub(crate) fn arrive(content: said::Content) -> Result<Self, Unfit> {
        let message = id(&content.message_id)?;
        within(&content.fallback, limits::TEXT_BYTES_MAX)?;
        let line = |kind, text, content| {
            Self::Line(Line {
                message,
                kind,
                text,
                content,
            })
        };
        Ok(match &content.body {
            Some(said::content::Body::Text(text)) => {
                let text = within(&text.text, limits::TEXT_BYTES_MAX)?;
                line("text", text, content)
            }
            Some(said::content::Body::Attachment(file)) => {
                let text = file_text(file)?;
                line("attachment", text, content)
            }
            // A body that this program does not know: its author's words for such programs.
            None => line("unknown", content.fallback.clone(), content),
            Some(said::content::Body::Reaction(reaction)) => {
                Self::Reaction(Reaction::arrive(&reaction.target, &reaction.emoji)?)
            }
            Some(said::content::Body::Edit(edit)) => Self::Edit {
                target: id(&edit.target)?,
                text: within(&edit.text, limits::TEXT_BYTES_MAX)?,
            },
            Some(said::content::Body::Deletion(deletion)) => Self::Deletion {
                target: id(&deletion.target)?,
            },
            Some(said::content::Body::ProfileShared(shared)) => Self::ProfileShared {
                key: shared
                    .profile_key
                    .as_slice()
                    .try_into()
                    .map_err(|_| MALFORMED)?,
                ask: shared.ask,
            },
            Some(said::content::Body::HistoryPart(part)) => {
                if let Some(archive) = &part.archive {
                    check_file(archive)?;
                }
                Self::HistoryPart(part.clone())
            }
            Some(said::content::Body::DeviceSync(sync)) => Self::DeviceSync(sync.clone()),
            Some(said::content::Body::Left(_)) => Self::Left,
            Some(said::content::Body::Unread(question)) => {
                places(&question.ranges)?;
                Self::Unread(question.clone())
            }
            Some(said::content::Body::Again(again)) => {
                places(&again.covered)?;
                if !again.messages.iter().all(|one| is_place(one.seq)) {
                    return Err(MALFORMED);
                }
                Self::Again(again.clone())
            }
            Some(said::content::Body::GroupHistory(given)) => {
                if !is_place(given.joined_epoch) {
                    return Err(MALFORMED);
                }
                if let Some(archive) = &given.archive {
                    check_file(archive)?;
                }
                Self::GroupHistory(given.clone())
            }
        })
    }

    /// As [`Self::arrive`], of encoded content.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unfit> {
        Self::arrive(said::Content::decode(bytes).map_err(|_| MALFORMED)?)
    }
}

fn id(bytes: &[u8]) -> Result<MessageId, Unfit> {
    MessageId::from_slice(bytes).map_err(|_| MALFORMED)
}

/// Only what can be a place in a log is looked up.
fn places(ranges: &[said::SeqRange]) -> Result<(), Unfit> {
    let sound = |range: &said::SeqRange| is_place(range.from) && is_place(range.to);
    if ranges.iter().all(sound) {
        Ok(())
    } else {
        Err(MALFORMED)
    }
}

fn within(text: &str, bytes: usize) -> Result<String, Unfit> {
    if text.len() > bytes {
        return Err(TOO_LARGE);
    }
    Ok(text.to_owned())
}

fn file_text(file: &said::Attachment) -> Result<String, Unfit> {
    check_file(file)?;
    if file.file_name.is_empty() {
        return Err(MALFORMED);
    }
    Ok(if file.caption.is_empty() {
        file.file_name.clone()
    } else {
        format!("{}\n{}", file.file_name, file.caption)
    })
}

/// A file that may be fetched: of a size that can be, and named as the own program names files.
pub(crate) fn check_file(file: &said::Attachment) -> Result<(), Unfit> {
    within(&file.file_name, NAME_BYTES_MAX)?;
    within(&file.media_type, NAME_BYTES_MAX)?;
    within(&file.caption, limits::TEXT_BYTES_MAX)?;
    // Sealed and padded it is at most an eighth larger.
    let sealed_max = limits::ATTACHMENT_BYTES_MAX.saturating_mul(2);
    if file.size > limits::ATTACHMENT_BYTES_MAX
        || file.blob_size > sealed_max
        || file.preview.len() > PREVIEW_BYTES_MAX
    {
        return Err(TOO_LARGE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(body: said::content::Body) -> said::Content {
        said::Content {
            message_id: vec![7; 16],
            body: Some(body),
            ..Default::default()
        }
    }

    fn text(bytes: usize) -> said::content::Body {
        said::content::Body::Text(said::Text {
            text: "x".repeat(bytes),
        })
    }

    #[test]
    fn ids_have_their_length_and_nothing_is_longer_than_allowed() {
        use said::content::Body;
        let why = |content| Said::arrive(content).err().map(|unfit| unfit.0);
        assert_eq!(why(content(text(limits::TEXT_BYTES_MAX))), None);
        assert_eq!(
            why(content(text(limits::TEXT_BYTES_MAX + 1))),
            Some("too_large")
        );
        for length in [0, 1, 15, 17] {
            let target = vec![7; length];
            let mut short = content(text(1));
            short.message_id.clone_from(&target);
            assert_eq!(why(short), Some("malformed"), "an id of {length}");
            let edit = said::Edit {
                target: target.clone(),
                text: "x".into(),
            };
            assert_eq!(why(content(Body::Edit(edit))), Some("malformed"));
            let deletion = said::Deletion {
                target: target.clone(),
            };
            assert_eq!(why(content(Body::Deletion(deletion))), Some("malformed"));
            let reaction = said::Reaction {
                target,
                emoji: "x".into(),
            };
            assert_eq!(why(content(Body::Reaction(reaction))), Some("malformed"));
        }
        let file = |change: fn(&mut said::Attachment)| {
            let mut file = said::Attachment {
                file_name: "score.pdf".into(),
                ..Default::default()
            };
            change(&mut file);
            why(content(Body::Attachment(file)))
        };
        assert_eq!(file(|_| {}), None);
        assert_eq!(file(|file| file.size = 1 << 63), Some("too_large"));
        assert_eq!(file(|file| file.blob_size = u64::MAX), Some("too_large"));
        assert_eq!(file(|file| file.preview = vec![0; 4097]), Some("too_large"));
        assert_eq!(
            file(|file| file.file_name = "n".repeat(256)),
            Some("too_large")
        );
        assert_eq!(file(|file| file.file_name.clear()), Some("malformed"));
    }
}
