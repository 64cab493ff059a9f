//! Introductions: a first word to a stranger, and strangers' first words.
//!
//! Always holds: no key package is asked for before the other side accepted. A request that one of the
//! own devices declined is shown on none, and its words are kept for a while where there are several:
//! another one may have accepted it, and they are the first line then.

mod requests;

use crate::account::{address_of, proto_address};
use crate::calls::Call;
use crate::conversations::{Conversation, State};
use crate::output::{Event, Method};
use crate::step::Step;
use crate::store::meta;
use crate::timeline::NewMessage;
use crate::timeline::arrived::{Line, Said};
use crate::waits::WAIT_MS_MAX;
use crate::{CallError, CoreError};
use crate::{names, views};
use comity_content::{Message as _, proto as said};
use comity_e2ee::{envelope, introduction};
use comity_membership::introduction_key;
use comity_wire::http::{Found, IntroductionPosted, PostIntroduction, SealedForDevice};
use comity_wire::proto::{self, ConversationKind};
use comity_wire::{Address, Bytes64, DeviceId, ErrorCode, MessageId, limits};
use rusqlite::OptionalExtension;
use sha2::{Digest, Sha256};

/// Bytes of a name, of a number, of a token in an introduction.
const NAME_BYTES_MAX: usize = 512;
const NUMBER_BYTES_MAX: usize = 32;
const TOKEN_BYTES_MAX: usize = 64;
/// Introductions of two people to each other that are further apart did not cross on the way: who had the
/// first one would have answered that.
const CROSSED_MS: i64 = 300_000;
/// Where it is kept which requests were declined: under the address and the introduction's id, since when.
const DECLINED: &str = "declined/";
/// How long the words of a declined request are kept.
const DECLINED_MS: i64 = 30 * 24 * 3_600_000;
/// Of `request`: it was not declined.
pub(crate) const IS_OPEN: &str = "NOT EXISTS (SELECT 1 FROM meta WHERE key = 'declined/' || request.address || '/' || lower(hex(request.id)))";

fn declined(address: &Address, id: &[u8]) -> String {
    format!("{DECLINED}{address}/{}", data_encoding::HEXLOWER.encode(id))
}

impl Step<'_> {
    /// Someone new is written to: the first message goes as an introduction.
    pub(crate) fn introduce(
        &mut self,
        address: &Address,
        content: &said::Content,
    ) -> Result<Conversation, CoreError> {
        let Some(said::content::Body::Text(text)) = &content.body else {
            return Err(CoreError::Refused(
                "the first message to someone is a text".into(),
            ));
        };
        if text.text.len() > limits::INTRODUCTION_TEXT_BYTES_MAX {
            return Err(CoreError::Refused(format!(
                "a first message has at most {} bytes",
                limits::INTRODUCTION_TEXT_BYTES_MAX
            )));
        }
        let conversation = self.insert_conversation(
            None,
            ConversationKind::Direct.into(),
            Some(address),
            State::Asking,
        )?;
        self.introduce_with(address, content)?;
        Ok(conversation)
    }

    /// These first words go out, and the own other devices know of them: also once more, when they were
    /// refused before.
    pub(crate) fn introduce_with(
        &mut self,
        address: &Address,
        content: &said::Content,
    ) -> Result<(), CoreError> {
        let token: [u8; 32] = self.random_bytes();
        let id: [u8; 16] = self.random_bytes();
        self.tx.execute(
            "INSERT OR REPLACE INTO introduction (address, id, token, message_id, state) VALUES (?1, ?2, ?3, ?4, 'wanted')",
            (address.to_string(), id, token, &content.message_id),
        )?;
        self.tell_first_words(address, content.encode_to_vec(), "")
    }

    /// Tells the own other devices of first words, and with which code they were refused.
    fn tell_first_words(
        &mut self,
        address: &Address,
        first: Vec<u8>,
        failed: &str,
    ) -> Result<(), CoreError> {
        self.sync_devices(said::DeviceSync {
            requests: vec![said::RequestState {
                address: Some(proto_address(address)),
                first,
                failed: failed.to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        })
    }

    pub(crate) fn pump_introductions(&mut self) -> Result<(), CoreError> {
        let due: Vec<String> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT address FROM introduction WHERE state = 'wanted' AND not_before_ms <= ?1",
            )?;
            statement
                .query_map([self.now], |row| row.get(0))?
                .collect::<Result<_, _>>()?
        };
        for address in due {
            let address: Address = address
                .parse()
                .map_err(|_| CoreError::Damaged("introduction"))?;
            let under_way = self.mem.calls.values().any(|call| match call {
                Call::IntroductionTarget { address: other }
                | Call::PostIntroduction { address: other } => *other == address,
                _ => false,
            });
            if !under_way {
                self.http::<()>(
                    Method::Get,
                    format!("/v1/accounts/{}", self.account_path(&address)?),
                    None,
                    Call::IntroductionTarget { address },
                )?;
            }
        }
        Ok(())
    }

    fn introduction_later(
        &mut self,
        address: &Address,
        retry_after_ms: u32,
    ) -> Result<(), CoreError> {
        let attempts: Option<i64> = self
            .tx
            .query_row(
                "SELECT attempts FROM introduction WHERE address = ?1",
                [address.to_string()],
                |row| row.get(0),
            )
            .optional()?;
        let Some(attempts) = attempts else {
            return Ok(());
        };
        if self.asks(address)? {
            // They asked meanwhile, and what could not be sent goes into what begins with that.
            return self.accept(address);
        }
        // What an app allows of these it allows a day.
        let asked_for = i64::from(retry_after_ms).min(WAIT_MS_MAX);
        let at = self.now + self.back_off_ms(attempts).max(asked_for);
        self.tx.execute(
            "UPDATE introduction SET attempts = attempts + 1, not_before_ms = ?2 WHERE address = ?1",
            (address.to_string(), at),
        )?;
        self.wake(at);
        Ok(())
    }

    /// Refused for good: the message says so, here and on the own other devices, and can be tried again by
    /// hand.
    fn introduction_failed(&mut self, address: &Address, code: &str) -> Result<(), CoreError> {
        let message_id: Option<Vec<u8>> = self
            .tx
            .query_row(
                "DELETE FROM introduction WHERE address = ?1 RETURNING message_id",
                [address.to_string()],
                |row| row.get(0),
            )
            .optional()?;
        if let (Some(conversation), Some(message_id)) =
            (self.conversation_with(address)?, message_id)
        {
            self.message_failed(conversation.id, &message_id, code)?;
            let first = self
                .tx
                .query_row(
                    "SELECT content FROM message WHERE conversation = ?1 AND message_id = ?2",
                    (conversation.id, &message_id),
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(first) = first {
                self.tell_first_words(address, first, code)?;
            }
        }
        // They asked meanwhile, which was to be answered by the own words.
        self.tell_request(address)
    }

    pub(crate) fn introduction_target(
        &mut self,
        address: &Address,
        answer: Result<Found, CallError>,
    ) -> Result<(), CoreError> {
        let found = match answer {
            Ok(found) => found,
            Err(CallError::Refused(error))
                if matches!(
                    error.code,
                    ErrorCode::NotFound | ErrorCode::AccountGone | ErrorCode::Forbidden
                ) =>
            {
                return self.introduction_failed(address, error.code.as_str());
            }
            Err(error) => {
                let wait = match &error {
                    CallError::Refused(error) => error.retry_after_ms,
                    CallError::Unreachable(_) => 0,
                };
                return self.introduction_later(address, wait);
            }
        };
        let Some(list) = self.adopt_manifest(address, &found.manifest.0)? else {
            return self.introduction_failed(address, "manifest_invalid");
        };
        let keys: Vec<introduction_key::IntroductionKey> = found
            .introduction_keys
            .iter()
            .filter_map(|bytes| {
                list.manifest
                    .devices
                    .iter()
                    .find_map(|device| introduction_key::verify(&bytes.0, device).ok())
            })
            .collect();
        if keys.is_empty() {
            return self.introduction_later(address, 0);
        }
        self.post_introduction(address, &keys)
    }

    fn post_introduction(
        &mut self,
        address: &Address,
        keys: &[introduction_key::IntroductionKey],
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let wanted: Option<(Vec<u8>, Vec<u8>, Vec<u8>)> = self
            .tx
            .query_row(
                "SELECT id, token, message_id FROM introduction WHERE address = ?1",
                [address.to_string()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((id, token, message_id)) = wanted else {
            // The other asked in the meantime, and the conversation has begun.
            return Ok(());
        };
        let first: Vec<u8> = self.tx.query_row(
            "SELECT content FROM message WHERE message_id = ?1 AND outgoing = 1",
            [&message_id],
            |row| row.get(0),
        )?;
        let content =
            said::Content::decode(first.as_slice()).map_err(|_| CoreError::Damaged("message"))?;
        let franked = envelope::frank(&content, &me.address, &me.keys.id(), self.random);
        let body = introduction::sign(
            said::Introduction {
                signed_manifest: me.manifest.bytes.clone(),
                from: Some(proto_address(&me.address)),
                name: me.name.clone(),
                alias: me.number.clone(),
                first: Some(content),
                key_package_token: token.clone(),
                profile_key: me.profile_key.to_vec(),
                franking_key: franked.franking_key.to_vec(),
                sender_nonce: franked.sender_nonce.to_vec(),
                from_device: me.keys.id().to_vec(),
                signature: Vec::new(),
            },
            &me.keys,
            address,
        );
        let mut sealed = Vec::new();
        for key in keys {
            sealed.push(SealedForDevice {
                device: key.device,
                introduction_key: Bytes64(key.public_key.clone()),
                sealed: Bytes64(
                    introduction::seal(&body, key, address)
                        .map_err(|error| CoreError::Crypto(error.to_string()))?,
                ),
            });
        }
        self.tx.execute(
            "UPDATE message SET franking_key = ?2, sender_nonce = ?3, header = ?4 WHERE message_id = ?1 AND outgoing = 1",
            (&message_id, franked.franking_key, franked.sender_nonce, &franked.header),
        )?;
        let body = PostIntroduction {
            to: address.clone(),
            id: MessageId::from_slice(&id).map_err(|_| CoreError::Damaged("introduction"))?,
            sealed,
            token_hash: Bytes64(Sha256::digest(&token).to_vec()),
            header: Bytes64(franked.header),
            sender_nonce: Bytes64(franked.sender_nonce.to_vec()),
        };
        self.http(
            Method::Post,
            "/v1/introductions",
            Some(&body),
            Call::PostIntroduction {
                address: address.clone(),
            },
        )
    }

    pub(crate) fn introduction_posted(
        &mut self,
        address: &Address,
        answer: Result<IntroductionPosted, CallError>,
    ) -> Result<(), CoreError> {
        match answer {
            Ok(posted) => {
                let message_id: Option<Vec<u8>> = self
                    .tx
                    .query_row(
                        "UPDATE introduction SET state = 'posted' WHERE address = ?1 RETURNING message_id",
                        [address.to_string()],
                        |row| row.get(0),
                    )
                    .optional()?;
                if let (Some(conversation), Some(message_id)) =
                    (self.conversation_with(address)?, message_id)
                {
                    self.message_sent(
                        conversation.id,
                        &message_id,
                        None,
                        posted.at_ms,
                        &posted.seal.0,
                    )?;
                }
                Ok(())
            }
            Err(CallError::Refused(error)) if error.code == ErrorCode::RateLimited => {
                let wait = error.retry_after_ms;
                self.failed("introduce", &CallError::Refused(error));
                self.introduction_later(address, wait)
            }
            Err(error) if error.may_pass() => self.introduction_later(address, 0),
            Err(CallError::Refused(error)) if error.code.http_status() < 500 => {
                self.introduction_failed(address, error.code.as_str())
            }
            Err(_) => self.introduction_later(address, 0),
        }
    }

    /// The private half of one of this device's introduction keys.
    pub(crate) fn introduction_private(
        &self,
        public_key: &[u8],
    ) -> Result<Option<Vec<u8>>, CoreError> {
        Ok(self
            .tx
            .query_row(
                "SELECT private_key FROM introduction_key WHERE public_key = ?1",
                [public_key],
                |row| row.get(0),
            )
            .optional()?)
    }

    /// A stranger's introduction arrived in the inbox.
    pub(crate) fn introduced(
        &mut self,
        envelope: &proto::IntroductionEnvelope,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let Some(private) = self.introduction_private(&envelope.introduction_key)? else {
            self.warn("introduction_unreadable", None);
            return Ok(());
        };
        let opened = introduction::open(
            &envelope.introduction_key,
            &private,
            &envelope.sealed,
            &me.address,
            &envelope.header,
        );
        let Ok(opened) = opened else {
            self.warn("introduction_unreadable", None);
            return Ok(());
        };
        let Some(from) = opened.from.as_ref().and_then(address_of) else {
            return Ok(());
        };
        // Who the app says wrote, and who signed inside, are one and the same.
        if from.app.as_str() != envelope.from_app
            || from.account.as_bytes()[..] != envelope.from_account[..]
            || from == me.address
        {
            self.warn("introduction_forged", None);
            return Ok(());
        }
        let Some(list) = self.adopt_manifest(&from, &opened.signed_manifest)? else {
            return Ok(());
        };
        let device = DeviceId::from_slice(&opened.from_device)
            .ok()
            .and_then(|id| list.manifest.device(&id).cloned());
        let Some(device) =
            device.filter(|device| introduction::signature_holds(&opened, device, &me.address))
        else {
            self.warn("introduction_forged", None);
            return Ok(());
        };
        let Some(first) = first_words(&opened) else {
            self.warn("introduction_malformed", None);
            return Ok(());
        };
        if self.is_blocked(&from)? {
            return Ok(());
        }
        if opened.profile_key.len() == 32 {
            self.tx.execute(
                "UPDATE contact SET profile_key = ?2, name = CASE WHEN name = '' THEN ?3 ELSE name END WHERE address = ?1",
                (from.to_string(), &opened.profile_key, names::shown(&opened.name)),
            )?;
        }
        self.keep_first_line(&from, first.message.as_bytes())?;
        self.tx.execute(
            "INSERT OR REPLACE INTO request (address, id, name, alias, first, token, at_ms, from_device, franking_key, sender_nonce, header, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            (
                from.to_string(), &envelope.id, names::shown(&opened.name), &opened.alias, first.content.encode_to_vec(),
                &opened.key_package_token, envelope.at_ms, device.id.to_vec(), &opened.franking_key,
                &opened.sender_nonce, &envelope.header, &envelope.seal,
            ),
        )?;
        if self.request_is_line(&from)? || !self.asks(&from)? {
            return Ok(());
        }
        if let Some(waiting) = self.conversation_with(&from)?
            && waiting.state == State::Asking
        {
            return self.both_asked(&waiting, &from);
        }
        self.tell_request(&from)
    }

    /// With whom this account talks already a request is only its text, a line like others: true then.
    pub(crate) fn request_is_line(&mut self, from: &Address) -> Result<bool, CoreError> {
        let talking = self.conversation_with(from)?;
        let Some(talking) = talking.filter(Conversation::is_active) else {
            return Ok(false);
        };
        self.insert_request_message(talking.id, from)?;
        self.forget_request(from)?;
        Ok(true)
    }

    /// Both asked: the lower address creates the conversation, the other waits for it, unless its own
    /// words have not reached who is to create it, or did so long ago that they were declined.
    fn both_asked(&mut self, waiting: &Conversation, from: &Address) -> Result<(), CoreError> {
        let declined: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message m, request r WHERE m.conversation = ?1 AND m.outgoing = 1 AND m.status <> 'failed'
                 AND m.seq = 0 AND r.address = ?2 AND r.at_ms - m.at_ms > ?3)",
            (waiting.id, from.to_string(), CROSSED_MS),
            |row| row.get(0),
        )?;
        if self.me()?.address < *from || declined || self.is_introduction_unsent(from)? {
            return self.accept(from);
        }
        let asked: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND outgoing = 1 AND status <> 'failed' AND seq = 0)
                 OR EXISTS (SELECT 1 FROM introduction WHERE address = ?2)",
            (waiting.id, from.to_string()),
            |row| row.get(0),
        )?;
        if asked {
            Ok(())
        } else {
            self.tell_request(from)
        }
    }

    /// An own introduction waits and is not on its way.
    fn is_introduction_unsent(&self, address: &Address) -> Result<bool, CoreError> {
        let mut calls = self.mem.calls.values();
        let posts =
            |call: &Call| matches!(call, Call::PostIntroduction { address: to } if to == address);
        if calls.any(posts) {
            return Ok(false);
        }
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM introduction WHERE address = ?1 AND state = 'wanted')",
            [address.to_string()],
            |row| row.get(0),
        )?)
    }

    fn tell_request(&mut self, from: &Address) -> Result<(), CoreError> {
        if let Some(request) = views::request(self.tx, from)? {
            self.event(Event::Request { request });
        }
        Ok(())
    }

    pub(crate) fn accept(&mut self, address: &Address) -> Result<(), CoreError> {
        let token: Option<Vec<u8>> = self
            .tx
            .query_row(
                &format!("SELECT token FROM request WHERE address = ?1 AND {IS_OPEN}"),
                [address.to_string()],
                |row| row.get(0),
            )
            .optional()?;
        let Some(token) = token else {
            return Err(CoreError::NoSuch("request"));
        };
        let mut conversation = match self.conversation_with(address)? {
            Some(waiting) => waiting,
            None => self.insert_conversation(
                None,
                ConversationKind::Direct.into(),
                Some(address),
                State::Creating,
            )?,
        };
        self.insert_request_message(conversation.id, address)?;
        self.tx.execute(
            "UPDATE conversation SET peer_token = ?2 WHERE id = ?1",
            (conversation.id, token),
        )?;
        self.set_state(&mut conversation, State::Creating)?;
        self.needs_no_introduction(conversation.id, address)?;
        self.begin_with(address)?;
        self.want(conversation.id, "create", 0)
    }

    /// The conversation begins by itself. The first words of an introduction that has not been sent, as far
    /// as is known, go into it, before what was said after them.
    fn needs_no_introduction(
        &mut self,
        conversation: i64,
        address: &Address,
    ) -> Result<(), CoreError> {
        let unsent: Option<Vec<u8>> = self
            .tx
            .query_row(
                "DELETE FROM introduction WHERE address = ?1 RETURNING message_id",
                [address.to_string()],
                |row| row.get(0),
            )
            .optional()?;
        let Some(message_id) = unsent else {
            return Ok(());
        };
        let first: Option<Vec<u8>> = self
            .tx
            .query_row(
                "SELECT content FROM message WHERE conversation = ?1 AND message_id = ?2 AND outgoing = 1 AND status = 'queued'
                     AND NOT EXISTS (SELECT 1 FROM send_queue WHERE conversation = ?1 AND message_id = ?2)",
                (conversation, &message_id),
                |row| row.get(0),
            )
            .optional()?;
        let Some(first) = first else { return Ok(()) };
        let content =
            said::Content::decode(first.as_slice()).map_err(|_| CoreError::Damaged("message"))?;
        self.enqueue(conversation, &content)?;
        let row = self.tx.query_row(
            "UPDATE send_queue SET id = (SELECT min(min(id), 0) - 1 FROM send_queue) WHERE conversation = ?1 AND message_id = ?2
             RETURNING id",
            (conversation, &message_id),
            |row| row.get(0),
        )?;
        // Such a number may have been another row's.
        self.forget_appends(&[row].into());
        Ok(())
    }

    fn begin_with(&mut self, address: &Address) -> Result<(), CoreError> {
        self.forget_request(address)?;
        self.tx.execute(
            "UPDATE contact SET accepted = 1, changed_ms = ?2 WHERE address = ?1",
            (address.to_string(), self.now),
        )?;
        self.sync_contact(address)
    }

    /// A one-to-one conversation with this person has begun, by whichever device. `asked`: it waited
    /// for their answer.
    pub(crate) fn direct_begun(
        &mut self,
        conversation: &Conversation,
        peer: &Address,
        asked: bool,
    ) -> Result<(), CoreError> {
        let both = self.asks(peer)?;
        if asked && !both {
            // What was declined is not what they talk by.
            self.forget_request(peer)?;
            self.event(Event::Accepted {
                conversation: conversation.id,
                address: peer.clone(),
            });
        }
        self.insert_request_message(conversation.id, peer)?;
        self.forget_request(peer)?;
        self.needs_no_introduction(conversation.id, peer)?;
        // What was sent as an introduction does not go out a second time.
        self.tx.execute(
            "DELETE FROM send_queue WHERE conversation = ?1 AND message_id IN
                 (SELECT message_id FROM message WHERE conversation = ?1 AND status = 'sent')",
            [conversation.id],
        )?;
        let known = self.tx.execute(
            "UPDATE contact SET accepted = 1 WHERE address = ?1 AND accepted = 0",
            [peer.to_string()],
        )?;
        if known > 0 {
            self.sync_contact(peer)?;
        }
        self.share_profile(conversation)?;
        self.fetch_profile(peer)
    }

    /// Whether a request of this person waits for an answer.
    pub(crate) fn asks(&self, address: &Address) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            &format!("SELECT EXISTS (SELECT 1 FROM request WHERE address = ?1 AND {IS_OPEN})"),
            [address.to_string()],
            |row| row.get(0),
        )?)
    }

    pub(crate) fn decline(&mut self, address: &Address) -> Result<(), CoreError> {
        let id = match self.request_id(address)? {
            Some(id) if self.asks(address)? => id,
            _ => return Err(CoreError::NoSuch("request")),
        };
        if self.me()?.manifest.manifest.devices.len() > 1 {
            meta::put(self.tx, &declined(address, &id), &self.now)?;
        } else {
            self.forget_request(address)?;
        }
        self.sync_devices(said::DeviceSync {
            requests: vec![said::RequestState {
                address: Some(proto_address(address)),
                declined: true,
                id,
                ..Default::default()
            }],
            ..Default::default()
        })
    }

    fn request_id(&self, address: &Address) -> Result<Option<Vec<u8>>, CoreError> {
        Ok(self
            .tx
            .query_row(
                "SELECT id FROM request WHERE address = ?1",
                [address.to_string()],
                |row| row.get(0),
            )
            .optional()?)
    }

    /// Another own device declined what this one may still be told of. A program that does not say
    /// which one means what there is.
    fn declined_elsewhere(&mut self, address: &Address, id: &[u8]) -> Result<(), CoreError> {
        let id = match id {
            [] => self.request_id(address)?,
            id => MessageId::from_slice(id).ok().map(|id| id.to_vec()),
        };
        match id {
            Some(id) => meta::put(self.tx, &declined(address, &id), &self.now),
            None => Ok(()),
        }
    }

    /// Forgets what was declined long ago.
    pub(crate) fn forget_declined(&mut self) -> Result<(), CoreError> {
        for name in meta::under(self.tx, DECLINED)? {
            let key = format!("{DECLINED}{name}");
            let since_ms: i64 = meta::get(self.tx, &key)?.unwrap_or(0);
            if self.now - since_ms < DECLINED_MS {
                continue;
            }
            meta::remove(self.tx, &key)?;
            if let Some((address, id)) = name.rsplit_once('/')
                && let Ok(address) = address.parse()
                && let Some(own) = self.request_id(&address)?
                && data_encoding::HEXLOWER.encode(&own) == id
            {
                self.forget_request(&address)?;
            }
        }
        Ok(())
    }

    /// Another own device declined a request, or introduced this person to someone, or could not.
    pub(crate) fn request_synced(&mut self, request: &said::RequestState) -> Result<(), CoreError> {
        let Some(address) = request.address.as_ref().and_then(address_of) else {
            return Ok(());
        };
        if request.declined {
            return self.declined_elsewhere(&address, &request.id);
        }
        let Ok(Said::Line(line)) = Said::decode(&request.first) else {
            self.warn("request_malformed", None);
            return Ok(());
        };
        let me = self.me()?;
        let conversation = match self.conversation_with(&address)? {
            Some(known) => known,
            None => self.insert_conversation(
                None,
                ConversationKind::Direct.into(),
                Some(&address),
                State::Asking,
            )?,
        };
        self.insert_message(NewMessage {
            conversation: conversation.id,
            seq: Some(0),
            author: me.address.clone(),
            author_device: DeviceId::new([0; 16]),
            outgoing: true,
            at_ms: line.content.written_ms,
            line: &line,
            content_bytes: None,
            status: "sent",
            franking: None,
            told_by: None,
        })?;
        if conversation.conversation.is_some() {
            // It has begun, and nothing that was refused before keeps it.
            return Ok(());
        }
        self.first_words_fared(
            &conversation,
            &address,
            line.message.as_bytes(),
            &request.failed,
        )
    }

    /// What became of first words on another own device that says them; nothing where this one does, too.
    fn first_words_fared(
        &mut self,
        conversation: &Conversation,
        address: &Address,
        message_id: &[u8],
        failed: &str,
    ) -> Result<(), CoreError> {
        let status: Option<String> = self
            .tx
            .query_row(
                "SELECT status FROM message WHERE conversation = ?1 AND message_id = ?2
                     AND NOT EXISTS (SELECT 1 FROM introduction WHERE address = ?3 AND message_id = ?2)",
                (conversation.id, message_id, address.to_string()),
                |row| row.get(0),
            )
            .optional()?;
        match (status.unwrap_or_default().as_str(), failed) {
            ("failed", "") => {
                self.tx.execute(
                    "UPDATE message SET status = 'sent', failure = '', seq = 0 WHERE conversation = ?1 AND message_id = ?2",
                    (conversation.id, message_id),
                )?;
                self.item_changed(conversation.id, message_id)
            }
            ("sent", code) if !code.is_empty() => {
                self.message_failed(conversation.id, message_id, code)
            }
            _ => Ok(()),
        }
    }
}

/// The first words of an introduction that is no larger than any that this program makes.
fn first_words(opened: &said::Introduction) -> Option<Line> {
    let line = Line::new(opened.first.clone()?).ok()?;
    let fits = are_first_words(&line)
        && opened.name.len() <= NAME_BYTES_MAX
        && opened.alias.len() <= NUMBER_BYTES_MAX
        && opened.key_package_token.len() <= TOKEN_BYTES_MAX;
    fits.then_some(line)
}

/// Whether an introduction may begin so.
pub(crate) fn are_first_words(line: &Line) -> bool {
    matches!(line.kind, "text" | "unknown")
        && line.text.len() <= limits::INTRODUCTION_TEXT_BYTES_MAX
}
