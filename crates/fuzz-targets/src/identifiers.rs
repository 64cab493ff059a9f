//! Identifiers and codes as text, and as raw bytes.
//!
//! Always holds: a text that is accepted is the one way to write that identifier. Deliberately
//! absent: leniency.

use comity_wire::{
    AccountId, Address, AppId, BlobId, ConversationId, DeviceAddress, DeviceId, ErrorCode,
    MessageId,
};
use std::fmt::Display;
use std::str::FromStr;

pub(crate) fn texts(input: &[u8]) {
    let _ = (AccountId::from_slice(input), BlobId::from_slice(input));
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    same::<AppId>(text);
    same::<Address>(text);
    same::<ConversationId>(text);
    same::<DeviceAddress>(text);
    same::<AccountId>(text);
    same::<DeviceId>(text);
    same::<MessageId>(text);
    same::<BlobId>(text);
    if let Some(code) = ErrorCode::parse(text) {
        assert_eq!(code.as_str(), text);
    }
}

fn same<T: FromStr + Display>(text: &str) {
    if let Ok(id) = text.parse::<T>() {
        assert_eq!(id.to_string(), text, "two texts for one identifier");
    }
}
