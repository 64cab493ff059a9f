//! What a conversation is, said in its MLS group context, so that every member and the hub agree.
//!
//! The group context of every conversation holds exactly three extensions: the required
//! capabilities, the app as external sender, and [`EXTENSION`] (a `ConversationContext`).
//! Always holds for a [`Context`]: the roles of a direct conversation are its two parties, those
//! of a self conversation its one; a group names its admins; only a group has permissions and an
//! invitation link. Deliberately absent: name, picture and timer (sealed state).

use crate::MlsError;
use comity_wire::proto::{self, ConversationKind};
use comity_wire::{AccountId, Address, ConversationId, Id16, Message};
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _, VLBytes};
use openmls::prelude::{
    CredentialType, Extension, ExtensionType, Extensions, ExternalSender, GroupContext,
    RequiredCapabilitiesExtension, UnknownExtension,
};
use std::collections::BTreeMap;

/// MLS extension type of the `ConversationContext`.
pub const EXTENSION: u16 = 0xF0C1;

/// What an account may do in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Speaks; changes only its own devices. Of a direct or self conversation: a party.
    Member,
    /// Of a group: also changes who is in it.
    Admin,
}

/// What members who are no admins may do in a group, and what who joins gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions {
    /// Members add people, too.
    pub members_add: bool,
    /// Members change name, description, photo and timer, too.
    pub members_edit: bool,
    /// Only admins say something.
    pub only_admins_speak: bool,
    /// Who joins gets earlier messages.
    pub history_for_new: bool,
}

impl Permissions {
    const BITS: u32 = 0b1111;

    /// As `ConversationContext.flags`.
    #[must_use]
    pub fn to_flags(self) -> u32 {
        u32::from(self.members_add)
            | u32::from(self.members_edit) << 1
            | u32::from(self.only_admins_speak) << 2
            | u32::from(self.history_for_new) << 3
    }

    /// Back from [`Self::to_flags`]; `None` when there is a bit that means nothing here.
    #[must_use]
    pub fn of_flags(flags: u32) -> Option<Self> {
        (flags & !Self::BITS == 0).then_some(Self {
            members_add: flags & 1 != 0,
            members_edit: flags & 2 != 0,
            only_admins_speak: flags & 4 != 0,
            history_for_new: flags & 8 != 0,
        })
    }
}

/// A conversation's context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Of which kind.
    pub kind: ConversationKind,
    /// Roles by account; who is not named is a member (see the module).
    pub roles: BTreeMap<Address, Role>,
    /// Ed25519 public key of the hub's app, which may propose removals.
    pub app_key: Vec<u8>,
    /// Of a group.
    pub permissions: Permissions,
    /// Ed25519 public key of the invitation link; none: nobody joins by a link.
    pub link_key: Option<[u8; 32]>,
}

impl Context {
    /// A context with this device's app as hub, without permissions or link.
    #[must_use]
    pub fn new(
        conversation: ConversationId,
        kind: ConversationKind,
        app_key: &[u8],
        roles: BTreeMap<Address, Role>,
    ) -> Self {
        Self {
            conversation,
            kind,
            roles,
            app_key: app_key.to_vec(),
            permissions: Permissions::default(),
            link_key: None,
        }
    }

    /// The roles of a self conversation.
    #[must_use]
    pub fn self_roles(own: &Address) -> BTreeMap<Address, Role> {
        BTreeMap::from([(own.clone(), Role::Member)])
    }

    /// The roles of a direct conversation.
    #[must_use]
    pub fn direct_roles(one: &Address, other: &Address) -> BTreeMap<Address, Role> {
        BTreeMap::from([(one.clone(), Role::Member), (other.clone(), Role::Member)])
    }

    /// True when the account is named an admin; who acts as one is [`crate::rules::acts_as_admin`].
    #[must_use]
    pub fn is_admin(&self, address: &Address) -> bool {
        self.roles.get(address) == Some(&Role::Admin)
    }

    /// The same with one more admin.
    #[must_use]
    pub fn with_admin(&self, address: &Address) -> Self {
        let mut after = self.clone();
        after.roles.insert(address.clone(), Role::Admin);
        after
    }

    /// True when the account is named in the context.
    #[must_use]
    pub fn names(&self, address: &Address) -> bool {
        self.roles.contains_key(address)
    }

    /// The group context extensions that say this.
    ///
    /// # Errors
    /// [`MlsError::Context`] when the roles do not fit the kind.
    pub fn to_extensions(&self) -> Result<Extensions<GroupContext>, MlsError> {
        self.check()?;
        let context = proto::ConversationContext {
            version: 1,
            hub: self.conversation.hub.to_string(),
            conversation: self.conversation.id.to_vec(),
            kind: u32::try_from(i32::from(self.kind)).unwrap_or_default(),
            roles: self
                .roles
                .iter()
                .map(|(address, role)| proto::Role {
                    app: address.app.to_string(),
                    account: address.account.to_vec(),
                    role: u32::from(*role == Role::Admin),
                })
                .collect(),
            flags: self.permissions.to_flags(),
            link_key: self.link_key.map(Vec::from).unwrap_or_default(),
        };
        let sender = ExternalSender::new(
            self.app_key.clone().into(),
            openmls::prelude::BasicCredential::new(self.conversation.hub.as_str().into()).into(),
        );
        Extensions::from_vec(vec![
            Extension::RequiredCapabilities(required()),
            Extension::ExternalSenders(vec![sender]),
            Extension::Unknown(EXTENSION, UnknownExtension(context.encode_to_vec())),
        ])
        .map_err(|_| MlsError::Context("not valid as extensions"))
    }

    /// Reads the context out of a group's extensions.
    ///
    /// # Errors
    /// [`MlsError::Context`] when something is missing, more than there may be, or does not fit.
    pub fn of_extensions(extensions: &Extensions<GroupContext>) -> Result<Self, MlsError> {
        if extensions.iter().count() != 3 {
            return Err(MlsError::Context(
                "not the three extensions that it must be",
            ));
        }
        if extensions.required_capabilities() != Some(&required()) {
            return Err(MlsError::Context("without the required capabilities"));
        }
        let app_key = app_key(extensions)?;
        let unknown = extensions
            .unknown(EXTENSION)
            .ok_or(MlsError::Context("missing"))?;
        let malformed = MlsError::Context("malformed");
        let read = proto::ConversationContext::decode(unknown.0.as_slice())
            .map_err(|_| malformed.clone())?;
        if read.version != 1 {
            return Err(MlsError::Context("of another version"));
        }
        let hub = read.hub.parse().map_err(|_| malformed.clone())?;
        let id = Id16::from_slice(&read.conversation).map_err(|_| malformed.clone())?;
        let kind = i32::try_from(read.kind)
            .ok()
            .and_then(|kind| ConversationKind::try_from(kind).ok())
            .ok_or(malformed.clone())?;
        let mut roles = BTreeMap::new();
        for role in read.roles {
            let app = role.app.parse().map_err(|_| malformed.clone())?;
            let account = AccountId::from_slice(&role.account).map_err(|_| malformed.clone())?;
            let value = if role.role == 1 {
                Role::Admin
            } else {
                Role::Member
            };
            if roles.insert(Address::new(app, account), value).is_some() {
                return Err(malformed);
            }
        }
        let permissions = Permissions::of_flags(read.flags).ok_or(malformed.clone())?;
        let link_key = match read.link_key.as_slice() {
            [] => None,
            key => Some(key.try_into().map_err(|_| malformed)?),
        };
        let context = Self {
            conversation: ConversationId::new(hub, id),
            kind,
            roles,
            app_key,
            permissions,
            link_key,
        };
        context.check()?;
        Ok(context)
    }

    fn check(&self) -> Result<(), MlsError> {
        let admins = self
            .roles
            .values()
            .filter(|role| **role == Role::Admin)
            .count();
        let fits = match self.kind {
            ConversationKind::Self_ => self.roles.len() == 1 && admins == 0,
            ConversationKind::Direct => self.roles.len() == 2 && admins == 0,
            ConversationKind::Group => admins >= 1,
            ConversationKind::Unspecified => false,
        };
        if !fits {
            return Err(MlsError::Context("with roles that do not fit its kind"));
        }
        let group_only = self.link_key.is_some() || self.permissions != Permissions::default();
        if group_only && self.kind != ConversationKind::Group {
            return Err(MlsError::Context("with what only a group has"));
        }
        if self.app_key.len() != 32 {
            Err(MlsError::Context("without an app key"))
        } else {
            Ok(())
        }
    }
}

fn required() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(
        &[ExtensionType::Unknown(EXTENSION)],
        &[],
        &[CredentialType::Basic],
    )
}

/// The library does not show an external sender's key, so it is read from its encoding.
fn app_key(extensions: &Extensions<GroupContext>) -> Result<Vec<u8>, MlsError> {
    let fault = MlsError::Context("without exactly one external sender");
    let [sender] = extensions
        .external_senders()
        .map(Vec::as_slice)
        .unwrap_or_default()
    else {
        return Err(fault);
    };
    let bytes = sender.tls_serialize_detached().map_err(|_| fault.clone())?;
    let key = VLBytes::tls_deserialize(&mut bytes.as_slice()).map_err(|_| fault)?;
    Ok(key.as_slice().to_vec())
}
