//! Commits of this device: device lists and wishes are weighed against the conversation, key
//! packages fetched for one lot of additions, the commit made and sent.
//!
//! Always holds: a lot is one commit; what is not in it waits for the next, which is weighed anew.
//! Deliberately absent: what is to be (`groups::goal`).

use super::intents::Intent;
use super::{Conversation, State};
use crate::calls::{Call, Lot};
use crate::contacts::known_manifest;
use crate::groups::Goal;
use crate::output::{Event, Method};
use crate::step::{Request, Step};
use crate::{CallError, CoreError};
use comity_e2ee::engine::{EngineError, Pending, Plan};
use comity_membership::MlsError;
use comity_membership::manifest::VerifiedManifest;
use comity_wire::http::{FetchKeyPackages, KeyPackagesFetched};
use comity_wire::planted::{self, Bug};
use comity_wire::proto::{self, client_frame::Act};
use comity_wire::{Address, Bytes64, DeviceId, ErrorCode, IdempotencyKey, Message as _, limits};

/// Devices that one commit of this device adds at most.
const LOT: usize = limits::ADDITIONS_MAX;
/// Tries to add an own device of which the hub has no key package.
const ADDITION_ATTEMPTS: i64 = 6;
/// Tries to get a person's key packages before it is said that there are none: who has just signed
/// up is about to leave some.
const ATTEMPTS_IN_SILENCE: i64 = 2;
/// The code for that.
const NO_KEYS: &str = "no_keys";

impl Step<'_> {
    pub(super) fn pursue_membership(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
    ) -> Result<(), CoreError> {
        let goal = self.goal(conversation)?;
        let waiting = lot(&goal);
        if waiting.is_empty() {
            if intent.kind == "reconcile" && !self.has_work(conversation, &goal)? {
                self.all_listed(conversation.id)?;
                return self.fulfilled(intent.id);
            }
            return self.submit(intent, conversation, Vec::new(), goal, &[]);
        }
        self.fetch_key_packages(Lot {
            intent: intent.id,
            waiting,
            collected: Vec::new(),
            manifests: Vec::new(),
        })
    }

    /// Whether there is something to commit besides additions.
    fn has_work(&mut self, conversation: &Conversation, goal: &Goal) -> Result<bool, CoreError> {
        if goal.changes_without_additions() {
            return Ok(true);
        }
        let me = self.me()?;
        Ok(self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .has_proposals(conversation.cid()?)?)
    }

    /// Asks for the key packages of the lot's last account.
    fn fetch_key_packages(&mut self, lot: Lot) -> Result<(), CoreError> {
        let (Some((address, devices)), Some(row)) =
            (lot.waiting.last(), self.intent_row(lot.intent)?)
        else {
            return Ok(());
        };
        let conversation = self.conversation(row.conversation)?;
        let own = *address == self.me()?.address;
        let body = FetchKeyPackages {
            token: conversation.peer_token.filter(|_| !own).map(Bytes64),
            address: address.clone(),
            devices: devices.clone(),
        };
        self.http(
            Method::Post,
            "/v1/key-packages/fetch",
            Some(&body),
            Call::KeyPackagesFor(Box::new(lot)),
        )
    }

    pub(crate) fn key_packages_fetched(
        &mut self,
        mut lot: Lot,
        answer: Result<KeyPackagesFetched, CallError>,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(lot.intent)? else {
            return Ok(());
        };
        let Some((address, _)) = lot.waiting.pop() else {
            return Ok(());
        };
        match answer {
            Ok(fetched) => {
                let Some(list) = self.adopt_list(&address, &fetched.manifest.0)? else {
                    return self.try_later(&row);
                };
                self.collect(&row, &address, &list, &fetched, &mut lot);
                if fetched.packages.is_empty() {
                    self.tell_no_keys(&row, &address)?;
                }
                lot.manifests.push(list.bytes);
            }
            Err(CallError::Refused(error))
                if self.peer_is_gone(row.conversation, &address, error.code)? =>
            {
                return Ok(());
            }
            // For good: who can not be added does not keep out the others.
            Err(CallError::Refused(error))
                if is_for_good(error.code)
                    && self.addition_refused(row.conversation, &address, &error)? => {}
            Err(error) => {
                self.failed("key_packages_fetch", &error);
                return self.try_later(&row);
            }
        }
        if !lot.waiting.is_empty() {
            return self.fetch_key_packages(lot);
        }
        let conversation = self.conversation(row.conversation)?;
        if !conversation.is_caught_up() || self.has_commit_under_way(conversation.id)? {
            return Ok(());
        }
        self.submit_lot(&row, &conversation, lot)
    }

    /// No device of a person has keys left at its app: they were away for too long. What is wanted
    /// waits until one is back, and that is said once a session.
    fn tell_no_keys(&mut self, intent: &Intent, address: &Address) -> Result<(), CoreError> {
        if intent.attempts < ATTEMPTS_IN_SILENCE
            || *address == self.me()?.address
            || !self.mem.warned.insert((NO_KEYS, intent.conversation))
        {
            return Ok(());
        }
        let act = match self.conversation(intent.conversation)?.peer {
            Some(_) => "send",
            None => "add_members",
        };
        self.event(Event::Failed {
            act: act.to_owned(),
            code: NO_KEYS.to_owned(),
            message: "none of their devices was there for a long time: it is done when one is back"
                .to_owned(),
            retry_after_ms: 1,
        });
        Ok(())
    }

    /// The other side of a one-to-one conversation deleted the account: it ends.
    fn peer_is_gone(
        &mut self,
        conversation: i64,
        address: &Address,
        code: ErrorCode,
    ) -> Result<bool, CoreError> {
        let mut conversation = self.conversation(conversation)?;
        if !matches!(code, ErrorCode::AccountGone | ErrorCode::NotFound)
            || conversation.peer.as_ref() != Some(address)
        {
            return Ok(false);
        }
        self.tx.execute(
            "DELETE FROM intent WHERE conversation = ?1",
            [conversation.id],
        )?;
        self.insert_notice(
            conversation.id,
            address,
            &DeviceId::new([0; 16]),
            ErrorCode::AccountGone.as_str(),
        )?;
        self.set_state(&mut conversation, State::Left)?;
        Ok(true)
    }

    fn adopt_list(
        &mut self,
        address: &Address,
        bytes: &[u8],
    ) -> Result<Option<VerifiedManifest>, CoreError> {
        if *address == self.me()?.address {
            self.adopt_own_manifest(bytes)?;
            return Ok(Some(self.me()?.manifest.clone()));
        }
        self.adopt_manifest(address, bytes)
    }

    fn collect(
        &mut self,
        intent: &Intent,
        address: &Address,
        list: &VerifiedManifest,
        fetched: &KeyPackagesFetched,
        lot: &mut Lot,
    ) {
        for package in &fetched.packages {
            let Some(device) = list.manifest.device(&package.device) else {
                // A device that the person does not list.
                self.warn("key_package_invalid", Some(intent.conversation));
                continue;
            };
            match comity_membership::check_key_package(&package.key_package.0, address, device) {
                Ok(_) => lot
                    .collected
                    .push((package.device, package.key_package.0.clone())),
                // Over, or not begun by this device's clock: another one is asked for later.
                Err(MlsError::OutOfDate) => {
                    self.warn("key_package_expired", Some(intent.conversation));
                }
                // Swapped: not added, and said.
                Err(_) => self.warn("key_package_invalid", Some(intent.conversation)),
            }
        }
    }

    /// The world has gone on while key packages were fetched: what is missing still is added.
    fn submit_lot(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
        lot: Lot,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let goal = self.goal(conversation)?;
        let missing = |device: &DeviceId| {
            let mut all = goal.missing.iter().flat_map(|(_, devices)| devices);
            all.any(|other| other == device)
        };
        let add: Vec<Vec<u8>> = lot
            .collected
            .into_iter()
            .filter(|(device, _)| missing(device))
            .map(|(_, package)| package)
            .take(limits::ADDITIONS_MAX)
            .collect();
        if add.is_empty() && intent.kind != "update" && !self.has_work(conversation, &goal)? {
            // An own device that stays away without key packages lets itself in when it is back.
            let own_only = goal
                .missing
                .iter()
                .all(|(address, _)| *address == me.address);
            return if own_only && intent.attempts >= ADDITION_ATTEMPTS {
                self.fulfilled(intent.id)
            } else {
                self.try_later(intent)
            };
        }
        self.submit(intent, conversation, add, goal, &lot.manifests)
    }

    /// After a commit: whoever is still missing is tried again for a while. `progress`: the commit
    /// added somebody, so the next lot goes at once.
    pub(super) fn want_missing(
        &mut self,
        conversation: &Conversation,
        progress: bool,
    ) -> Result<(), CoreError> {
        if self.goal(conversation)?.is_reached() {
            return Ok(());
        }
        self.want(
            conversation.id,
            "reconcile",
            if progress { 0 } else { 5_000 },
        )
    }

    fn submit(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
        add: Vec<Vec<u8>>,
        goal: Goal,
        manifests: &[Vec<u8>],
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let header = proto::CommitHeader {
            version: 1,
            manifests: self.judging(conversation, &goal.extra, manifests)?,
            judged_by: Vec::new(),
            link_signature: Vec::new(),
        };
        let plan = Plan {
            add,
            remove: goal.extra,
            update_self: true,
            context: goal.context,
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

    /// The device lists by which additions and removals are judged.
    fn judging(
        &self,
        conversation: &Conversation,
        removed: &[DeviceId],
        fetched: &[Vec<u8>],
    ) -> Result<Vec<Vec<u8>>, CoreError> {
        let mut lists = fetched.to_vec();
        if removed.is_empty() {
            return Ok(lists);
        }
        let mut take = |bytes: &Vec<u8>| {
            if !lists.contains(bytes) {
                lists.push(bytes.clone());
            }
        };
        take(&self.me()?.manifest.bytes);
        for (device, address) in self.members(conversation.id)? {
            if removed.contains(&device)
                && let Some(list) = known_manifest(self.tx, &address)?
            {
                take(&list.bytes);
            }
        }
        Ok(lists)
    }

    pub(super) fn send_commit(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
        pending: Pending,
    ) -> Result<(), CoreError> {
        let key = IdempotencyKey::random(self.random);
        let (hub, log) = conversation.wire_log(self);
        // A joiner from outside may know nothing, or an older state than the members.
        let sealed_state = if intent.kind == "rejoin" {
            Vec::new()
        } else {
            self.seal_for(conversation, &pending)?
        };
        let commit = proto::SubmitCommit {
            hub,
            conversation: log,
            expected_epoch: pending.epoch_before,
            idempotency_key: key.to_vec(),
            commit: pending.commit,
            welcome: pending.welcome.unwrap_or_default(),
            group_info: pending.group_info,
            sealed_state,
        };
        self.tx.execute(
            "UPDATE intent SET idempotency_key = ?2, frame = ?3 WHERE id = ?1",
            (intent.id, key.to_vec(), commit.encode_to_vec()),
        )?;
        self.request(
            Request::Commit { intent: intent.id },
            Act::SubmitCommit(commit),
        );
        if planted::is(Bug::MergesEarly) && intent.kind != "rejoin" {
            let (me, id) = (self.me()?, conversation.cid()?.clone());
            let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
            mls.confirm_pending(&id)?;
        }
        Ok(())
    }
}

/// Accounts whose devices fit into one commit; the first one stands last.
fn lot(goal: &Goal) -> Vec<(Address, Vec<DeviceId>)> {
    let mut devices = 0;
    let fits = |(_, absent): &&(Address, Vec<DeviceId>)| {
        devices += absent.len();
        devices <= LOT
    };
    let mut lot: Vec<_> = goal.missing.iter().take_while(fits).cloned().collect();
    lot.reverse();
    lot
}

/// Asking again will not help.
const fn is_for_good(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ConsentNeeded
            | ErrorCode::NotFound
            | ErrorCode::AccountGone
            | ErrorCode::Forbidden
    )
}
