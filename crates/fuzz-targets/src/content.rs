//! What people say, after it was decrypted: a member may be hostile too.
//!
//! Always holds: what is decoded, and what a core takes of it, survives a round. Deliberately absent:
//! what a timeline makes of it.

use crate::wire::survives;
use comity_content::{Message, proto};

/// The first byte chooses the type.
pub(crate) fn contents(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else {
        return;
    };
    match kind {
        0 => survives::<proto::Envelope>(input),
        1 => survives::<proto::Content>(input),
        2 => survives::<proto::Profile>(input),
        3 => survives::<proto::HistoryArchive>(input),
        4 => survives::<proto::Introduction>(input),
        5 => survives::<proto::LinkGrant>(input),
        6 => survives::<proto::MarkBody>(input),
        7 => survives::<proto::GroupState>(input),
        _ => survives::<proto::Report>(input),
    }
}

/// Content as a core takes it from others.
pub(crate) fn arrived(input: &[u8]) {
    if !comity_client::would_take(input) {
        return;
    }
    let again = proto::Content::decode(input).map(|content| content.encode_to_vec());
    assert!(
        again.is_ok_and(|again| comity_client::would_take(&again)),
        "taken once and not again"
    );
}
