//! HTTP acts under way: what each answer is for.
//!
//! Calls live in memory only. What has to survive a restart stands in a table of its own and the
//! call is made again from there.

use crate::step::Step;
use crate::{CallError, Command, CoreError};
use comity_wire::{Address, DeviceId, ErrorCode};
use serde::de::DeserializeOwned;

/// What an answer is for.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    AppInfo {
        then: AfterAppInfo,
    },
    StartRegistration,
    EnterCode {
        name: String,
    },
    ChangeNumberCode,
    CreateAccount {
        /// The proof of the number that it goes with.
        token: Vec<u8>,
    },
    PendingAccount {
        refused: CallError,
    },
    LinkOffered,
    LinkGrant,
    ApproveOffer {
        code: String,
    },
    ApproveManifest {
        offer: Vec<u8>,
        rendezvous: String,
    },
    ApproveGrant {
        device: DeviceId,
        again: bool,
    },
    OwnManifest {
        what: &'static str,
        device: DeviceId,
    },
    Promotion {
        device: DeviceId,
    },
    KeyPackages,
    IntroductionKey {
        public_key: Vec<u8>,
    },
    Setting {
        what: &'static str,
        quiet: bool,
    },
    PutNumber,
    NumberAsked {
        refused: CallError,
    },
    OwnNumber,
    Delete,
    Block {
        address: Address,
        /// What the app was told.
        blocked: bool,
    },
    Lookup,
    Refresh {
        address: Address,
    },
    Profile {
        address: Address,
        /// Somebody looked for this person and waits.
        looked_up: bool,
    },
    IntroductionTarget {
        address: Address,
    },
    PostIntroduction {
        address: Address,
    },
    KeyPackagesFor(Box<Lot>),
    MyConversations,
    Report,
    Renewed {
        conversation: i64,
        message_id: Vec<u8>,
        blob: String,
    },
    ForwardRenewed {
        transfer: i64,
    },
    /// A group's picture, or without a conversation the own profile's.
    PhotoRenewed {
        conversation: Option<i64>,
        blob: String,
    },
}

impl Call {
    /// What is known after it of an account that was asked for.
    pub(crate) const fn is_of_sign_up(&self) -> bool {
        matches!(
            self,
            Self::CreateAccount { .. } | Self::PendingAccount { .. }
        )
    }
}

/// Devices that one commit is to add, while their key packages are fetched, account by account.
#[derive(Clone, Debug)]
pub(crate) struct Lot {
    pub(crate) intent: i64,
    /// Still to be asked for; the last one is being asked for.
    pub(crate) waiting: Vec<(Address, Vec<DeviceId>)>,
    /// Key packages, by device.
    pub(crate) collected: Vec<(DeviceId, Vec<u8>)>,
    /// Device lists that the additions are judged by.
    pub(crate) manifests: Vec<Vec<u8>>,
}

/// Why the app's description was asked for.
#[derive(Clone, Debug)]
pub(crate) enum AfterAppInfo {
    Register {
        number: String,
        country: Option<String>,
    },
    Link {
        device_name: String,
    },
    Refresh,
}

/// Reads a JSON answer.
pub(crate) fn parse<T: DeserializeOwned>(
    result: Result<Vec<u8>, CallError>,
) -> Result<T, CallError> {
    let body = result?;
    serde_json::from_slice(&body).map_err(|_| {
        CallError::Refused(comity_wire::WireError::new(
            comity_wire::ErrorCode::Internal,
            "the server's answer is not of the form that was asked for",
        ))
    })
}

impl Step<'_> {
    pub(crate) fn http_done(
        &mut self,
        call: u64,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        let refused = matches!(&result, Err(CallError::Refused(error)) if error.code == ErrorCode::Unauthenticated);
        if self.asks_again(call, refused) {
            return Ok(());
        }
        let Some(call) = self.mem.calls.remove(&call) else {
            return Ok(());
        };
        match call {
            Call::AppInfo { then } => self.app_info(then, parse(result)),
            Call::StartRegistration => self.registration_started(parse(result)),
            Call::EnterCode { name } => self.code_checked(name, parse(result)),
            Call::ChangeNumberCode => self.change_number_checked(parse(result)),
            Call::CreateAccount { token } => self.account_created(&token, parse(result)),
            Call::PendingAccount { refused } => self.pending_account(&refused, parse(result)),
            Call::LinkOffered => self.link_offered(result),
            Call::LinkGrant => self.link_grant(parse(result)),
            Call::ApproveOffer { code } => self.approve_offer(&code, parse(result)),
            Call::ApproveManifest { offer, rendezvous } => {
                self.approve_manifest(&offer, &rendezvous, result)
            }
            Call::ApproveGrant { device, again } => self.approve_grant(device, again, result),
            Call::OwnManifest { what, device } => self.own_manifest_put(what, device, result),
            Call::Promotion { device } => self.promote_seal(device, parse(result)),
            Call::KeyPackages => self.key_packages_posted(result),
            Call::IntroductionKey { public_key } => self.introduction_key_put(&public_key, result),
            Call::Setting { what, quiet } => {
                let published = what == "profile" && result.is_ok();
                self.setting_put(what, quiet, result)?;
                if published {
                    self.tell_profile_changed()?;
                }
                Ok(())
            }
            Call::PutNumber => self.number_put(result),
            Call::NumberAsked { refused } => self.number_told(&refused, parse(result)),
            Call::OwnNumber => self.own_number(parse(result)),
            Call::Delete => self.account_deleted(result),
            Call::Block { address, blocked } => self.block_put(&address, blocked, result),
            Call::Lookup => self.looked_up(parse(result)),
            Call::Refresh { address } => self.refreshed(&address, parse(result)),
            Call::Profile { address, looked_up } => {
                self.profile_fetched(&address, parse(result))?;
                if looked_up {
                    self.tell_found(&address)?;
                }
                Ok(())
            }
            Call::IntroductionTarget { address } => {
                self.introduction_target(&address, parse(result))
            }
            Call::PostIntroduction { address } => self.introduction_posted(&address, parse(result)),
            Call::KeyPackagesFor(lot) => self.pursuing(lot.intent, |step| {
                step.key_packages_fetched(*lot, parse(result))
            }),
            Call::MyConversations => self.my_conversations(parse(result)),
            Call::Report => self.report_posted(result),
            Call::Renewed {
                conversation,
                message_id,
                blob,
            } => self.shown_renewed(conversation, &message_id, &blob, result),
            Call::ForwardRenewed { transfer } => self.forward_renewed(transfer, result),
            Call::PhotoRenewed { conversation, blob } => {
                self.photo_renewed(conversation, &blob, result)
            }
        }
    }

    pub(crate) fn command(&mut self, command: Command) -> Result<(), CoreError> {
        match command {
            Command::StartRegistration { number, country } => {
                self.start_registration(number, country)
            }
            Command::EnterCode { code, name } => self.enter_code(&code, name),
            Command::Recover { phrase } => self.recover(&phrase),
            Command::TakeOver { passphrase } => self.take_over(passphrase.as_deref()),
            Command::NameDevice(name) => self.name_device(&name),
            Command::StartLink { device_name } => self.start_link(device_name),
            Command::ApproveLink { code } => self.approve_link(&code),
            Command::RemoveDevice(device) => self.remove_device(device),
            Command::PromoteDevice(device) => self.promote_device(device),
            Command::SetProfile { name, about } => self.set_profile(name, about),
            Command::SetPhoto {
                path,
                size,
                media_type,
            } => self.set_photo(path, size, media_type),
            Command::MakeRecoveryPhrase => self.make_recovery_phrase(),
            Command::SetRegistrationLock(passphrase) => {
                self.set_registration_lock(passphrase.as_deref())
            }
            Command::ChangeNumber { code } => self.change_number(&code),
            Command::DeleteAccount => self.delete_account(),
            Command::Lookup { number, country } => self.lookup(number, country),
            Command::Send(say) => self.say(say),
            Command::Accept(address) => self.accept(&address),
            Command::Decline(address) => self.decline(&address),
            Command::Block { address, blocked } => self.block(&address, blocked),
            Command::GoOnHere => self.go_on_here(),
            Command::Verify(address) => self.verify(&address),
            Command::Report {
                address,
                messages,
                reason,
            } => self.report(&address, &messages, reason),
            Command::MarkRead { conversation } => self.mark_read(conversation),
            Command::SetConversation {
                conversation,
                setting,
            } => self.set_conversation(conversation, setting),
            Command::SetDraft {
                conversation,
                draft,
            } => self.set_draft(conversation, draft),
            Command::StopTransfer(transfer) => self.stop_transfer(transfer),
            Command::SavePhoto { address, path } => self.save_photo(&address, path),
            Command::Typing {
                conversation,
                typing,
            } => self.typing(conversation, typing),
            Command::SaveAttachment {
                conversation,
                message,
                path,
            } => self.save_attachment(conversation, message, path),
            Command::Retry {
                conversation,
                message,
            } => self.retry_message(conversation, message),
            of_groups @ (Command::CreateGroup { .. }
            | Command::AddMembers { .. }
            | Command::RemoveMember { .. }
            | Command::SetRole { .. }
            | Command::SetPermissions { .. }
            | Command::SetGroupDetails { .. }
            | Command::SetGroupPhoto { .. }
            | Command::SaveGroupPhoto { .. }
            | Command::MakeInvitation { .. }
            | Command::RevokeInvitation { .. }
            | Command::JoinByInvitation { .. }
            | Command::LeaveGroup { .. }) => self.group_command(of_groups),
        }
    }
}
