//! Encrypting and decrypting content.

use super::commits::encode;
use super::error::{malformed, of_processing, of_state};
use super::{Decrypted, EngineError, Result1, Session, Unreadable, load};
use comity_membership::change::{member_at, members_of};
use comity_membership::{Member, parse_message, read_identity};
use comity_wire::ConversationId;
use comity_wire::limits::EPOCHS_KEPT;
use openmls::prelude::{
    ContentType, CreateMessageError, ProcessedMessageContent, ProtocolMessage, Sender,
};

impl Session<'_> {
    /// Encrypts an entry's content for the members of the current epoch. A retry sends the same
    /// bytes again; this device can not decrypt them.
    ///
    /// # Errors
    /// [`EngineError::CommitFirst`] while a removal waits to be committed,
    /// [`EngineError::NotFound`], and others.
    pub fn encrypt(
        &mut self,
        conversation: &ConversationId,
        plaintext: &[u8],
        authenticated_data: &[u8],
    ) -> Result1<Vec<u8>> {
        self.not_joining(conversation)?;
        let group = load(self.loaded, &self.provider, conversation)?;
        group.set_aad(authenticated_data.to_vec());
        let made = group.create_message(&self.provider, self.keys, plaintext);
        group.set_aad(Vec::new());
        let message = made.map_err(|error| match error {
            CreateMessageError::GroupStateError(error) => of_state(error),
            other => malformed(other),
        })?;
        encode(&message)
    }

    /// Decrypts an entry. Its key is burnt: plaintext and cursor belong into the same transaction.
    ///
    /// # Errors
    /// [`EngineError::SecretReused`], [`EngineError::Unreadable`], [`EngineError::FutureEpoch`],
    /// [`EngineError::OwnMessage`], and others.
    pub fn decrypt(&mut self, conversation: &ConversationId, body: &[u8]) -> Result1<Decrypted> {
        self.not_joining(conversation)?;
        let group = load(self.loaded, &self.provider, conversation)?;
        let message = parse_message(body)?;
        let ProtocolMessage::PrivateMessage(private) = &message else {
            return Err(EngineError::Unreadable(Unreadable::NotContent));
        };
        if private.group_id() != group.group_id() {
            return Err(malformed("an entry of another conversation"));
        }
        if private.content_type() != ContentType::Application {
            return Err(EngineError::Unreadable(Unreadable::NotContent));
        }
        if private.epoch() > group.epoch() {
            return Err(EngineError::FutureEpoch);
        }
        let behind = group
            .epoch()
            .as_u64()
            .saturating_sub(private.epoch().as_u64());
        if usize::try_from(behind).is_ok_and(|behind| behind > EPOCHS_KEPT) {
            return Err(EngineError::Unreadable(Unreadable::EpochGone));
        }
        let processed = group
            .process_message(&self.provider, message)
            .map_err(of_processing)?;
        let Sender::Member(leaf) = *processed.sender() else {
            return Err(EngineError::Unreadable(Unreadable::Sender));
        };
        let (address, device) = read_identity(processed.credential())?;
        let epoch = processed.epoch().as_u64();
        let authenticated_data = processed.aad().to_vec();
        let content = match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => content,
            ProcessedMessageContent::OwnPrivateMessage => return Err(EngineError::OwnMessage),
            _ => return Err(EngineError::Unreadable(Unreadable::NotContent)),
        };
        // Nearly always it still stands where it stood; of a thousand leaves only one is read then.
        let is_sender = |member: &Member| member.device == device && member.address == address;
        let here = member_at(group.public_group(), leaf.u32()).ok();
        let signature_key = match here.filter(is_sender) {
            Some(member) => Some(member),
            None => members_of(group.public_group())?
                .into_iter()
                .find(is_sender),
        }
        .map(|member| member.signature_key)
        .unwrap_or_default();
        Ok(Decrypted {
            sender: Member {
                leaf: leaf.u32(),
                address,
                device,
                signature_key,
            },
            plaintext: content.into_bytes(),
            authenticated_data,
            epoch,
        })
    }
}
