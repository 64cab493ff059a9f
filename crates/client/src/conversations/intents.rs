//! Intents: what this device wants of a conversation's membership.
//!
//! Always holds: an intent persists until it is fulfilled; a commit that lost its race is thrown
//! away and made anew from the intent. One commit of this device is under way per conversation.

use super::{Conversation, State};
use crate::calls::Call;
use crate::output::Method;
use crate::step::{Request, Step};
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_e2ee::engine::{EngineError, Plan};
use comity_membership::{Context, manifest::VerifiedManifest};
use comity_wire::http::{FetchKeyPackages, KeyPackagesFetched};
use comity_wire::proto::{self, ConversationKind, client_frame::Act};
use comity_wire::{
    Address, Bytes64, ConversationId, DeviceId, ErrorCode, Id16, IdempotencyKey, Message as _,
    WireError,
};
use rusqlite::OptionalExtension;

/// Tries to add an own device of which the hub has no key package.
const ADDITION_ATTEMPTS: i64 = 6;

/// Leaves that are missing, by account, and leaves that are too many.
type MembershipPlan = (Vec<(Address, Vec<DeviceId>)>, Vec<DeviceId>);

/// A row of `intent`.
pub(super) struct Intent {
    pub(super) id: i64,
    pub(super) conversation: i64,
    pub(super) kind: String,
    pub(super) frame: Option<Vec<u8>>,
    pub(super) attempts: i64,
}

impl Step<'_> {
    /// Wants something of a conversation, not before `delay_ms` from now.
    pub(crate) fn want(
        &mut self,
        conversation: i64,
        kind: &str,
        delay_ms: i64,
    ) -> Result<(), CoreError> {
        self.tx.execute(
            "INSERT INTO intent (conversation, kind, not_before_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (conversation, kind) DO UPDATE SET not_before_ms = min(not_before_ms, excluded.not_before_ms)
                WHERE frame IS NULL",
            (conversation, kind, self.now + delay_ms),
        )?;
        self.wake(self.now + delay_ms);
        Ok(())
    }

    /// Brings every conversation's leaves in line with the device lists.
    pub(crate) fn reconcile_all(&mut self, delay_ms: i64) -> Result<(), CoreError> {
        for conversation in self.conversations_in(State::Active)? {
            self.want(conversation.id, "reconcile", delay_ms)?;
        }
        Ok(())
    }

    /// The conversation with oneself exists from the first day.
    pub(crate) fn upkeep_self_conversation(&mut self) -> Result<(), CoreError> {
        let me = self.me()?;
        if me.self_conversation.is_some() || meta::get(self.tx, "rejoin_all")?.unwrap_or(false) {
            return Ok(());
        }
        let id = ConversationId::new(me.address.app.clone(), Id16::random(self.random));
        let row = self.insert_conversation(
            Some(&id),
            ConversationKind::Self_ as i32,
            None,
            State::Creating,
        )?;
        self.change_me(|me| me.self_conversation = Some(id.id))?;
        self.want(row.id, "create", 0)
    }

    /// A leaf that never updated expires and would block joiners: renew it while young.
    pub(crate) fn upkeep_leaves(&mut self) -> Result<(), CoreError> {
        const LEAF_RENEWAL_S: u64 = 7 * 24 * 3_600;
        let me = self.me()?;
        let now_s = u64::try_from(self.now / 1_000).unwrap_or(0);
        for conversation in self.conversations_in(State::Active)? {
            let Some(id) = conversation.conversation.clone() else {
                continue;
            };
            let made = self
                .groups
                .session(self.tx, &me.keys, &me.address)
                .own_leaf_made_s(&id)?;
            if made.is_none_or(|made| now_s.saturating_sub(made) > LEAF_RENEWAL_S) {
                let delay = i64::from(u16::from_be_bytes(self.random_bytes())) * 10;
                self.want(conversation.id, "update", delay)?;
            }
        }
        Ok(())
    }

    pub(crate) fn pump_intents(&mut self) -> Result<(), CoreError> {
        let due: Vec<Intent> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT id, conversation, kind, frame, attempts FROM intent WHERE not_before_ms <= ?1 ORDER BY frame IS NULL, id",
            )?;
            statement
                .query_map([self.now], |row| {
                    Ok(Intent {
                        id: row.get(0)?,
                        conversation: row.get(1)?,
                        kind: row.get(2)?,
                        frame: row.get(3)?,
                        attempts: row.get(4)?,
                    })
                })?
                .collect::<Result<_, _>>()?
        };
        for intent in due {
            if !self.is_under_way(intent.id) {
                self.pursue(&intent)?;
            }
        }
        let next: Option<i64> = self.tx.query_row(
            "SELECT min(not_before_ms) FROM intent WHERE not_before_ms > ?1",
            [self.now],
            |row| row.get(0),
        )?;
        if let Some(next) = next {
            self.wake(next);
        }
        Ok(())
    }

    fn is_under_way(&self, intent: i64) -> bool {
        let waits = |request: &Request| matches!(request, Request::Create { intent: i } | Request::Commit { intent: i } | Request::State { intent: i } if *i == intent);
        self.mem.requests.values().any(waits)
            || self
                .mem
                .calls
                .values()
                .any(|call| matches!(call, Call::KeyPackagesFor { intent: i, .. } if *i == intent))
    }

    fn pursue(&mut self, intent: &Intent) -> Result<(), CoreError> {
        let conversation = self.conversation(intent.conversation)?;
        if let Some(frame) = &intent.frame {
            // Sent before, answer unknown: the same bytes again, answered only once.
            let commit = proto::SubmitCommit::decode(frame.as_slice())
                .map_err(|_| CoreError::Damaged("intent"))?;
            if conversation.state == State::Rejoining || conversation.is_caught_up() {
                self.request(
                    Request::Commit { intent: intent.id },
                    Act::SubmitCommit(commit),
                );
            }
            return Ok(());
        }
        match intent.kind.as_str() {
            "create" => self.pursue_create(intent, conversation),
            "rejoin" => self.pursue_rejoin(intent, &conversation),
            "reconcile" | "update"
                if conversation.is_caught_up()
                    && !self.has_commit_under_way(conversation.id)? =>
            {
                self.pursue_membership(intent, &conversation)
            }
            "reconcile" | "update"
                if !conversation.is_active() && conversation.state != State::Creating =>
            {
                self.fulfilled(intent.id)
            }
            _ => Ok(()),
        }
    }

    fn has_commit_under_way(&self, conversation: i64) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM intent WHERE conversation = ?1 AND frame IS NOT NULL)",
            [conversation],
            |row| row.get(0),
        )?)
    }

    pub(super) fn fulfilled(&mut self, intent: i64) -> Result<(), CoreError> {
        self.tx
            .execute("DELETE FROM intent WHERE id = ?1", [intent])?;
        Ok(())
    }

    fn pursue_create(
        &mut self,
        intent: &Intent,
        mut conversation: Conversation,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        if conversation.conversation.is_none() {
            let id = ConversationId::new(me.address.app.clone(), Id16::random(self.random));
            self.tx.execute(
                "UPDATE conversation SET hub = ?2, cid = ?3 WHERE id = ?1",
                (conversation.id, id.hub.as_str(), id.id.to_vec()),
            )?;
            conversation.conversation = Some(id);
        }
        let id = conversation.cid()?.clone();
        let kind =
            ConversationKind::try_from(conversation.kind).unwrap_or(ConversationKind::Direct);
        let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
        if mls.has(&id)? {
            mls.delete(&id)?;
        }
        let peer = conversation.peer.clone();
        let roles = match &peer {
            Some(peer) => Context::direct_roles(&me.address, peer),
            None => Context::self_roles(&me.address),
        };
        let group = mls.create(&id, &Context::new(id.clone(), kind, &me.app_key, roles))?;
        self.request(
            Request::Create { intent: intent.id },
            Act::CreateConversation(proto::CreateConversation {
                conversation: id.id.to_vec(),
                kind: kind.into(),
                group_info: group.group_info,
                ratchet_tree: group.ratchet_tree,
                peer_app: peer
                    .as_ref()
                    .map(|peer| peer.app.to_string())
                    .unwrap_or_default(),
                peer_account: peer.map(|peer| peer.account.to_vec()).unwrap_or_default(),
            }),
        );
        Ok(())
    }

    pub(crate) fn created(
        &mut self,
        intent: i64,
        created: &proto::Created,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let mut conversation = self.conversation(row.conversation)?;
        let id = conversation.cid()?.clone();
        self.fulfilled(intent)?;
        if created.existing.is_empty() || created.existing == id.id.as_bytes() {
            self.set_state(&mut conversation, State::Active)?;
            self.refresh_membership(&mut conversation)?;
            self.save_position(&conversation)?;
            if let Some(peer) = conversation.peer.clone() {
                self.share_profile(&conversation)?;
                self.fetch_profile(&peer)?;
            }
            return self.want(conversation.id, "reconcile", 0);
        }
        // Another own device, or the other person, was faster: join what there is.
        let me = self.me()?;
        self.groups
            .session(self.tx, &me.keys, &me.address)
            .delete(&id)?;
        let existing = Id16::from_slice(&created.existing)
            .map_err(|_| CoreError::Refused("the server's answer is malformed".into()))?;
        if conversation.kind == ConversationKind::Self_ as i32 {
            self.change_me(|me| me.self_conversation = Some(existing))?;
        }
        if let Some(mut known) = self.conversation_by_cid(id.hub.as_str(), existing.as_bytes())? {
            self.absorb(&conversation, &mut known)?;
            return Ok(());
        }
        self.tx.execute(
            "UPDATE conversation SET cid = ?2 WHERE id = ?1",
            (conversation.id, existing.to_vec()),
        )?;
        self.set_state(&mut conversation, State::Rejoining)?;
        self.want(conversation.id, "rejoin", 3_000)
    }

    /// Two rows turned out to be one conversation: what waited in `from` goes on in `into`.
    pub(super) fn absorb(
        &mut self,
        from: &Conversation,
        into: &mut Conversation,
    ) -> Result<(), CoreError> {
        let peer = from.peer.clone().or(into.peer.clone());
        self.tx.execute(
            "UPDATE OR IGNORE message SET conversation = ?2 WHERE conversation = ?1",
            (from.id, into.id),
        )?;
        self.tx.execute(
            "UPDATE send_queue SET conversation = ?2 WHERE conversation = ?1",
            (from.id, into.id),
        )?;
        self.tx.execute(
            "UPDATE transfer SET conversation = ?2 WHERE conversation = ?1",
            (from.id, into.id),
        )?;
        self.tx
            .execute("DELETE FROM conversation WHERE id = ?1", [from.id])?;
        self.tx.execute(
            "UPDATE conversation SET peer = ?2 WHERE id = ?1",
            (into.id, peer.as_ref().map(ToString::to_string)),
        )?;
        into.peer = peer;
        self.event(crate::Event::ConversationChanged {
            conversation: into.id,
        });
        Ok(())
    }

    pub(super) fn intent_row(&self, id: i64) -> Result<Option<Intent>, CoreError> {
        Ok(self
            .tx
            .query_row(
                "SELECT id, conversation, kind, frame, attempts FROM intent WHERE id = ?1",
                [id],
                |row| {
                    Ok(Intent {
                        id: row.get(0)?,
                        conversation: row.get(1)?,
                        kind: row.get(2)?,
                        frame: row.get(3)?,
                        attempts: row.get(4)?,
                    })
                },
            )
            .optional()?)
    }

    /// Which leaves are missing and which are too many, by the newest device lists known.
    fn membership_plan(&self, conversation: &Conversation) -> Result<MembershipPlan, CoreError> {
        let me = self.me()?;
        let members = self.members(conversation.id)?;
        let mut accounts = vec![me.address.clone()];
        accounts.extend(conversation.peer.clone());
        for (_, address) in &members {
            if !accounts.contains(address) {
                accounts.push(address.clone());
            }
        }
        let (mut missing, mut extra) = (Vec::new(), Vec::new());
        for address in accounts {
            let list: Option<VerifiedManifest> = if address == me.address {
                Some(me.manifest.clone())
            } else {
                crate::contacts::known_manifest(self.tx, &address)?
            };
            let here: Vec<DeviceId> = members
                .iter()
                .filter(|(_, other)| *other == address)
                .map(|(device, _)| *device)
                .collect();
            let Some(list) = list else { continue };
            extra.extend(
                here.iter()
                    .filter(|device| list.manifest.device(device).is_none()),
            );
            // Other people's further devices are added by those people's own devices.
            if address == me.address || here.is_empty() {
                let absent: Vec<DeviceId> = list
                    .manifest
                    .devices
                    .iter()
                    .map(|d| d.id)
                    .filter(|id| !here.contains(id))
                    .collect();
                if !absent.is_empty() {
                    missing.push((address, absent));
                }
            }
        }
        Ok((missing, extra))
    }

    fn pursue_membership(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
    ) -> Result<(), CoreError> {
        let (missing, extra) = self.membership_plan(conversation)?;
        if missing.is_empty() {
            let me = self.me()?;
            let proposals = self
                .groups
                .session(self.tx, &me.keys, &me.address)
                .has_proposals(conversation.cid()?)?;
            if extra.is_empty() && !proposals && intent.kind == "reconcile" {
                return self.fulfilled(intent.id);
            }
            return self.submit(intent, conversation, Vec::new(), extra, &[]);
        }
        self.fetch_key_packages(
            intent.id,
            missing.into_iter().map(|(address, _)| address).collect(),
            Vec::new(),
            Vec::new(),
        )
    }

    fn fetch_key_packages(
        &mut self,
        intent: i64,
        mut addresses: Vec<Address>,
        collected: Vec<Vec<u8>>,
        manifests: Vec<Vec<u8>>,
    ) -> Result<(), CoreError> {
        let Some(address) = addresses.pop() else {
            return Ok(());
        };
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let conversation = self.conversation(row.conversation)?;
        let (missing, _) = self.membership_plan(&conversation)?;
        let devices = missing
            .into_iter()
            .find(|(other, _)| *other == address)
            .map(|(_, devices)| devices)
            .unwrap_or_default();
        let own = address == self.me()?.address;
        let body = FetchKeyPackages {
            token: conversation
                .peer_token
                .clone()
                .filter(|_| !own)
                .map(Bytes64),
            address: address.clone(),
            devices,
        };
        addresses.push(address);
        self.http(
            Method::Post,
            "/v1/key-packages/fetch",
            Some(&body),
            Call::KeyPackagesFor {
                intent,
                addresses,
                collected,
                manifests,
            },
        )
    }

    pub(crate) fn key_packages_fetched(
        &mut self,
        intent: i64,
        mut addresses: Vec<Address>,
        mut collected: Vec<Vec<u8>>,
        mut manifests: Vec<Vec<u8>>,
        answer: Result<KeyPackagesFetched, CallError>,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let fetched = match answer {
            Ok(fetched) => fetched,
            Err(error) => {
                self.failed("key_packages_fetch", &error);
                return self.try_later(&row);
            }
        };
        let Some(address) = addresses.pop() else {
            return Ok(());
        };
        let me = self.me()?;
        let list = if address == me.address {
            self.adopt_own_manifest(&fetched.manifest.0)?;
            Some(self.me()?.manifest.clone())
        } else {
            self.adopt_manifest(&address, &fetched.manifest.0)?
        };
        let Some(list) = list else {
            return self.try_later(&row);
        };
        for package in &fetched.packages {
            let Some(device) = list.manifest.device(&package.device) else {
                continue;
            };
            match comity_membership::check_key_package(&package.key_package.0, &address, device) {
                Ok(_) => collected.push(package.key_package.0.clone()),
                // A swapped or stale key package: not added, and said.
                Err(_) => self.warn("key_package_invalid", Some(row.conversation)),
            }
        }
        manifests.push(list.bytes);
        if !addresses.is_empty() {
            return self.fetch_key_packages(intent, addresses, collected, manifests);
        }
        let conversation = self.conversation(row.conversation)?;
        if !conversation.is_caught_up() || self.has_commit_under_way(conversation.id)? {
            return Ok(());
        }
        let (missing, extra) = self.membership_plan(&conversation)?;
        if collected.is_empty() && !self.has_other_work(&row, &conversation, &extra)? {
            // An own device that stays away without key packages asks to be let in when it is back.
            let own_only = missing.iter().all(|(address, _)| *address == me.address);
            return if own_only && row.attempts >= ADDITION_ATTEMPTS {
                self.fulfilled(row.id)
            } else {
                self.try_later(&row)
            };
        }
        self.submit(&row, &conversation, collected, extra, &manifests)
    }

    /// Whether there is something to commit besides devices that can not be added now: those
    /// must not keep out the rest.
    fn has_other_work(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
        extra: &[DeviceId],
    ) -> Result<bool, CoreError> {
        if intent.kind == "update" || !extra.is_empty() {
            return Ok(true);
        }
        let me = self.me()?;
        Ok(self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .has_proposals(conversation.cid()?)?)
    }

    /// After a commit: whoever is still missing is tried again for a while.
    pub(super) fn want_missing(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let (missing, _) = self.membership_plan(conversation)?;
        if missing.is_empty() {
            return Ok(());
        }
        self.want(conversation.id, "reconcile", 5_000)
    }

    fn submit(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
        add: Vec<Vec<u8>>,
        remove: Vec<DeviceId>,
        manifests: &[Vec<u8>],
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let mut carried = manifests.to_vec();
        if !remove.is_empty() && !carried.contains(&me.manifest.bytes) {
            carried.push(me.manifest.bytes.clone());
        }
        let header = proto::CommitHeader {
            version: 1,
            manifests: carried,
            judged_by: Vec::new(),
            link_signature: Vec::new(),
        };
        let plan = Plan {
            add,
            remove,
            update_self: true,
            context: None,
        };
        let pending = match self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .commit(&id, plan, &header)
        {
            Ok(pending) => pending,
            Err(EngineError::Storage(error)) => return Err(EngineError::Storage(error).into()),
            Err(_) => {
                self.groups.forget(&id);
                self.warn("commit_failed", Some(conversation.id));
                return self.try_later(intent);
            }
        };
        self.send_commit(intent, conversation, pending)
    }

    pub(super) fn send_commit(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
        pending: comity_e2ee::engine::Pending,
    ) -> Result<(), CoreError> {
        let key = IdempotencyKey::random(self.random);
        let (hub, log) = conversation.wire_log(self);
        let commit = proto::SubmitCommit {
            hub,
            conversation: log,
            expected_epoch: pending.epoch_before,
            idempotency_key: key.to_vec(),
            commit: pending.commit,
            welcome: pending.welcome.unwrap_or_default(),
            group_info: pending.group_info,
            sealed_state: Vec::new(),
        };
        self.tx.execute(
            "UPDATE intent SET idempotency_key = ?2, frame = ?3 WHERE id = ?1",
            (intent.id, key.to_vec(), commit.encode_to_vec()),
        )?;
        self.request(
            Request::Commit { intent: intent.id },
            Act::SubmitCommit(commit),
        );
        Ok(())
    }

    pub(super) fn try_later(&mut self, intent: &Intent) -> Result<(), CoreError> {
        let at = self.now + self.back_off_ms(intent.attempts);
        self.tx.execute(
            "UPDATE intent SET attempts = attempts + 1, not_before_ms = ?2, frame = NULL, idempotency_key = NULL WHERE id = ?1",
            (intent.id, at),
        )?;
        self.wake(at);
        Ok(())
    }

    pub(crate) fn intent_refused(
        &mut self,
        intent: i64,
        error: &WireError,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let mut conversation = self.conversation(row.conversation)?;
        if row.frame.is_some() {
            self.drop_pending(&conversation)?;
        }
        match error.code {
            // Lost the race: the winner is in the log; the intent is weighed anew after it.
            ErrorCode::StaleEpoch => {
                self.tx.execute(
                    "UPDATE intent SET frame = NULL, idempotency_key = NULL WHERE id = ?1",
                    [intent],
                )?;
                if row.kind == "rejoin" {
                    return self.try_later(&row);
                }
                let (hub, log) = conversation.wire_log(self);
                self.fetch(&hub, &log, conversation.next_seq - 1);
                Ok(())
            }
            ErrorCode::NotMember | ErrorCode::Forbidden | ErrorCode::NotFound
                if row.kind == "rejoin" =>
            {
                if row.attempts >= 4 {
                    self.fulfilled(intent)?;
                    return self.set_state(&mut conversation, State::Left);
                }
                self.try_later(&row)
            }
            _ => {
                self.failed(&row.kind, &CallError::Refused(error.clone()));
                self.try_later(&row)
            }
        }
    }

    /// A commit of this device will not be: the group goes on without it.
    fn drop_pending(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let Some(id) = &conversation.conversation else {
            return Ok(());
        };
        let me = self.me()?;
        self.groups
            .session(self.tx, &me.keys, &me.address)
            .discard_pending(id)?;
        Ok(())
    }
}
