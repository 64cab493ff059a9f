//! One of each event that the core can tell.

use comity_client::{ContactView, Event, ItemKind, RequestView, Status, TimelineItem};
use comity_wire::{AccountId, Address, DeviceId, MessageId};

/// One of each event, with every field that it may have.
pub(super) fn events() -> Vec<Event> {
    let who = Address::new("test.localhost".parse().unwrap(), AccountId::new([1; 16]));
    let message = MessageId::new([2; 16]);
    let device = DeviceId::new([3; 16]);
    let text = String::new;
    let item = TimelineItem {
        message,
        seq: Some(1),
        kind: ItemKind::Attachment,
        author: who.clone(),
        outgoing: true,
        at_ms: 1,
        status: Status::Failed,
        progress: Some(comity_client::ProgressView {
            people: 3,
            delivered: 2,
            read: 1,
        }),
        text: text(),
        edited: true,
        deleted: false,
        failure: "too_large".to_owned(),
        quote: Some(comity_client::QuoteView {
            message: Some(message),
            author: Some(who.clone()),
            preview: text(),
            known: true,
            deleted: false,
        }),
        attachment: Some(comity_client::AttachmentView {
            file_name: text(),
            media_type: text(),
            size: 1,
            available: true,
            kind: comity_client::FileKind::Image,
            width: 1,
            height: 1,
            duration_ms: 1,
            preview: comity_wire::Bytes64(vec![1]),
        }),
        reactions: vec![comity_client::ReactionView {
            author: who.clone(),
            emoji: text(),
        }],
        mentions: vec![comity_client::MentionView {
            start: 0,
            length: 1,
            address: who.clone(),
            own: true,
        }],
        forwarded: true,
        expires_ms: Some(1),
        told_by: Some(who.clone()),
    };
    let contact = ContactView {
        address: who.clone(),
        number: text(),
        name: text(),
        about: text(),
        accepted: true,
        blocked: false,
        verified: true,
        number_moved: false,
        safety_number: text(),
        devices: 1,
        photo: Some(text()),
    };
    let request = RequestView {
        address: who.clone(),
        name: text(),
        number: text(),
        number_confirmed: false,
        text: text(),
        at_ms: 1,
    };
    vec![
        Event::CodeSent {
            number: text(),
            expires_ms: 1,
        },
        Event::NumberHasAccount {
            recoverable: true,
            locked_until_ms: Some(1),
        },
        Event::NumberLost {
            number: "+12025550101".into(),
        },
        Event::Ready {
            address: who.clone(),
            number: text(),
        },
        Event::LinkCode {
            code: text(),
            expires_ms: 1,
        },
        Event::Linked {
            device,
            name: text(),
        },
        Event::RecoveryPhrase { phrase: text() },
        Event::Saved { what: text() },
        Event::Online,
        Event::Offline,
        Event::Gone { reason: text() },
        Event::Erased { reason: text() },
        Event::Found { contact },
        Event::Request { request },
        Event::Item {
            conversation: 1,
            item: item.clone(),
        },
        Event::ItemChanged {
            conversation: 1,
            item,
        },
        Event::Expired {
            conversation: 1,
            message,
        },
        Event::ConversationChanged { conversation: 1 },
        Event::ContactChanged {
            address: who.clone(),
        },
        Event::Accepted {
            conversation: 1,
            address: who.clone(),
        },
        Event::Receipt {
            conversation: 1,
            address: who.clone(),
            delivered_seq: 1,
            read_seq: 1,
        },
        Event::Typing {
            conversation: 1,
            address: who.clone(),
            typing: true,
        },
        Event::RootChanged {
            address: who.clone(),
        },
        Event::DevicesChanged {
            address: who,
            added: vec![device],
            removed: vec![device],
        },
        Event::Transfer {
            transfer: 1,
            conversation: Some(1),
            message: Some(message),
            upload: true,
            done_bytes: 1,
            total_bytes: 1,
            state: text(),
            path: Some(text()),
            failure: Some(text()),
        },
        Event::HistoryProgress { done: 1, total: 1 },
        Event::Invitation {
            conversation: 1,
            link: text(),
        },
        Event::Reported,
        Event::Warning {
            code: text(),
            conversation: Some(1),
        },
        Event::Failed {
            act: text(),
            code: text(),
            message: text(),
            retry_after_ms: 1,
        },
    ]
}

/// An event that [`events`] does not list stops the compiler here.
pub(super) fn name(event: &Event) -> &'static str {
    match event {
        Event::CodeSent { .. } => "code_sent",
        Event::NumberHasAccount { .. } => "number_has_account",
        Event::NumberLost { .. } => "number_lost",
        Event::Ready { .. } => "ready",
        Event::LinkCode { .. } => "link_code",
        Event::Linked { .. } => "linked",
        Event::RecoveryPhrase { .. } => "recovery_phrase",
        Event::Saved { .. } => "saved",
        Event::Online => "online",
        Event::Offline => "offline",
        Event::Gone { .. } => "gone",
        Event::Erased { .. } => "erased",
        Event::Found { .. } => "found",
        Event::Request { .. } => "request",
        Event::Item { .. } => "item",
        Event::ItemChanged { .. } => "item_changed",
        Event::Expired { .. } => "expired",
        Event::ConversationChanged { .. } => "conversation_changed",
        Event::ContactChanged { .. } => "contact_changed",
        Event::Accepted { .. } => "accepted",
        Event::Receipt { .. } => "receipt",
        Event::Typing { .. } => "typing",
        Event::RootChanged { .. } => "root_changed",
        Event::DevicesChanged { .. } => "devices_changed",
        Event::Transfer { .. } => "transfer",
        Event::HistoryProgress { .. } => "history_progress",
        Event::Invitation { .. } => "invitation",
        Event::Reported => "reported",
        Event::Warning { .. } => "warning",
        Event::Failed { .. } => "failed",
    }
}
