//! Frames and the documents that servers and clients both read.
//!
//! Always holds: what is decoded is encoded and decoded to the same value. Deliberately absent:
//! equal bytes; protobuf allows several encodings of one value.

use comity_membership::{change, franking};
use comity_wire::{Message, proto};

/// Decodes as `M`; what is accepted must survive a round.
pub(crate) fn survives<M: Message + Default + PartialEq>(input: &[u8]) {
    if let Ok(value) = M::decode(input) {
        let bytes = value.encode_to_vec();
        assert!(
            M::decode(bytes.as_slice()).is_ok_and(|again| again == value),
            "it changed"
        );
    }
}

pub(crate) fn client_batch(input: &[u8]) {
    survives::<proto::ClientBatch>(input);
}

pub(crate) fn server_batch(input: &[u8]) {
    survives::<proto::ServerBatch>(input);
}

/// What one app's server says to another's. The first byte chooses the type.
pub(crate) fn family(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else {
        return;
    };
    match kind {
        0 => survives::<proto::FamilyRequest>(input),
        1 => survives::<proto::FamilyReply>(input),
        2 => survives::<proto::RelayedAct>(input),
        // A stream's piece.
        _ => survives::<proto::ServerBatch>(input),
    }
}

/// The first byte chooses the document.
pub(crate) fn documents(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else {
        return;
    };
    match kind {
        0 => survives::<proto::SignedManifest>(input),
        1 => survives::<proto::Manifest>(input),
        2 => survives::<proto::DeviceIdentity>(input),
        3 => survives::<proto::ConversationContext>(input),
        4 => {
            if let Ok(header) = franking::Header::decode(input) {
                let again = franking::Header::decode(&header.encode());
                assert!(
                    again.is_ok_and(|again| again.encode() == header.encode()),
                    "it changed"
                );
            }
        }
        5 => drop(change::decode_header(input)),
        6 => survives::<proto::SignedIntroductionKey>(input),
        7 => survives::<proto::IntroductionKey>(input),
        8 => survives::<proto::LinkOffer>(input),
        9 => survives::<proto::WelcomePointer>(input),
        10 => survives::<proto::IntroductionEnvelope>(input),
        _ => survives::<proto::Notice>(input),
    }
}
