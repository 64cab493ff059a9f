//! A chat as text, for stories whose expected value is the whole chat.

use comity_client::{ItemKind, Status, TimelineItem};
use comity_wire::Address;

/// A timeline's line. `name` says how its author is called here.
#[must_use]
pub fn line(item: &TimelineItem, name: &dyn Fn(&Address) -> String) -> String {
    let who = if item.outgoing {
        "me".to_owned()
    } else {
        name(&item.author)
    };
    let mut text = match item.kind {
        ItemKind::Notice => return format!("— {who}: {}", item.text),
        ItemKind::Unreadable => return format!("{who}: (unreadable: {})", item.failure),
        ItemKind::Unknown => format!("{} (unknown)", item.text),
        _ if item.deleted => "(deleted)".to_owned(),
        _ => item.text.clone(),
    };
    if let Some(file) = &item.attachment {
        text = format!("[{} · {} B] {text}", file.file_name, file.size);
    }
    if let Some(quote) = &item.quote {
        text = format!("«{}» {text}", quote.preview);
    }
    if item.edited {
        text.push_str(" (edited)");
    }
    for reaction in &item.reactions {
        text.push_str(&format!("  {}", reaction.emoji));
    }
    let ticks = match item.status {
        Status::Queued => " …",
        Status::Sent => " ✓",
        Status::Delivered => " ✓✓",
        Status::Read => " ✓✓ read",
        Status::Failed => " ✗",
        Status::Received => "",
    };
    format!("{who}: {text}{ticks}")
}
