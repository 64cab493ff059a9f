//! What apps tell each other about accounts: device lists and key packages.
//!
//! Always holds: consent is checked where the account lives; who asks for key packages is a device
//! that its app vouched for. Deliberately absent: the directory (numbers never cross).

use super::{Sibling, relay};
use crate::accounts::{manifests, sql as accounts};
use crate::app::{App, Caller};
use crate::{introductions, key_packages};
use comity_platform::Failure;
use comity_wire::http::{
    DeviceKeyPackage, FetchKeyPackages, Found, KeyPackagesFetched, PostIntroduction, ProfileOf,
    SealedForDevice,
};
use comity_wire::proto::{
    AccountReply, AskAccount, AskKeyPackages, Introduce, Introduced, KeyPackageOf, KeyPackagesOf,
    RelayedAct, SealedIntroduction, family_reply, family_request, relayed_act, relayed_result,
    reply,
};
use comity_wire::{AccountId, Address, Bytes64, DeviceId, ErrorCode, MessageId, limits};
use std::sync::Arc;

// ---- answering ----

/// An account's device list and introduction keys, or its profile.
pub(super) async fn tell(app: &App, request: &AskAccount) -> Result<AccountReply, Failure> {
    let account = AccountId::from_slice(&request.account)?;
    let (address, profile) = (app.address(account), request.profile);
    app.db
        .read(move |conn| {
            accounts::must_exist(conn, &account)?;
            if profile {
                let sealed_profile = conn
                    .prepare_cached("SELECT profile FROM account WHERE id = ?1")?
                    .query_row([account.as_bytes()], |row| row.get(0))?;
                return Ok(AccountReply {
                    sealed_profile,
                    ..AccountReply::default()
                });
            }
            let manifest = manifests::bytes(conn, &address)?
                .ok_or_else(|| Failure::internal("an account without manifest"))?;
            Ok(AccountReply {
                manifest,
                introduction_keys: accounts::introduction_keys(conn, &account)?,
                sealed_profile: Vec::new(),
            })
        })
        .await
}

/// Key packages of an account of this app for a device of a sibling.
pub(super) async fn key_packages(
    app: &Arc<App>,
    caller: Caller,
    request: AskKeyPackages,
) -> Result<KeyPackagesOf, Failure> {
    if request.devices.len() > limits::DEVICES_MAX {
        return Err(Failure::refused(ErrorCode::TooMany, "too many devices"));
    }
    let devices = request
        .devices
        .iter()
        .map(|device| DeviceId::from_slice(device))
        .collect::<Result<Vec<_>, _>>()?;
    let wanted = FetchKeyPackages {
        address: app.address(AccountId::from_slice(&request.account)?),
        token: (!request.token.is_empty()).then_some(Bytes64(request.token)),
        devices,
    };
    let fetched = key_packages::fetch_here(app, caller, wanted).await?;
    let of = |package: DeviceKeyPackage| KeyPackageOf {
        device: package.device.to_vec(),
        key_package: package.key_package.0,
    };
    Ok(KeyPackagesOf {
        manifest: fetched.manifest.0,
        packages: fetched.packages.into_iter().map(of).collect(),
    })
}

/// An introduction to an account of this app by a device of a sibling.
pub(super) async fn introduced(
    app: &Arc<App>,
    caller: Caller,
    request: Introduce,
) -> Result<Introduced, Failure> {
    let sealed = |one: SealedIntroduction| {
        Ok(SealedForDevice {
            device: DeviceId::from_slice(&one.device)?,
            introduction_key: Bytes64(one.introduction_key),
            sealed: Bytes64(one.sealed),
        })
    };
    let post = PostIntroduction {
        to: app.address(AccountId::from_slice(&request.to_account)?),
        id: MessageId::from_slice(&request.id)?,
        sealed: request
            .sealed
            .into_iter()
            .map(sealed)
            .collect::<Result<_, Failure>>()?,
        // The introducer's app has it: no token answers this.
        token_hash: Bytes64(vec![0; 32]),
        header: Bytes64(request.header),
        sender_nonce: Bytes64(request.sender_nonce),
    };
    let posted = introductions::take(app, caller, post).await?;
    Ok(Introduced {
        at_ms: posted.at_ms,
        seal: posted.seal.0,
    })
}

// ---- asking ----

fn confused() -> Failure {
    Failure::refused(
        ErrorCode::Unavailable,
        "the sibling's answer is of another kind",
    )
}

impl Sibling {
    async fn account(
        &self,
        app: &App,
        account: AccountId,
        profile: bool,
    ) -> Result<AccountReply, Failure> {
        let request = AskAccount {
            account: account.to_vec(),
            profile,
        };
        match self
            .ask(app, None, family_request::Act::AskAccount(request))
            .await?
        {
            family_reply::Result::Account(reply) => Ok(reply),
            _ => Err(confused()),
        }
    }

    /// An account of the sibling, as it tells it.
    pub(crate) async fn found(&self, app: &App, account: AccountId) -> Result<Found, Failure> {
        let reply = self.account(app, account, false).await?;
        Ok(Found {
            address: Address::new(self.app.clone(), account),
            number: None,
            manifest: Bytes64(reply.manifest),
            introduction_keys: reply.introduction_keys.into_iter().map(Bytes64).collect(),
        })
    }

    /// The sealed profile of an account of the sibling.
    pub(crate) async fn profile(
        &self,
        app: &App,
        account: AccountId,
    ) -> Result<ProfileOf, Failure> {
        let reply = self.account(app, account, true).await?;
        Ok(ProfileOf {
            sealed: Bytes64(reply.sealed_profile),
        })
    }

    /// Has one act of a device carried out there.
    async fn one(
        &self,
        app: &Arc<App>,
        caller: &Caller,
        act: relayed_act::Act,
    ) -> Result<relayed_result::Result, Failure> {
        let act = RelayedAct { act: Some(act) };
        let results = relay::ask(app, self, caller, vec![act]).await?;
        match results.into_iter().next() {
            Some(relayed_result::Result::Reply(reply)) => Err(match reply.result {
                Some(reply::Result::Error(error)) => Failure::Refused(error.into()),
                _ => confused(),
            }),
            Some(result) => Ok(result),
            None => Err(confused()),
        }
    }

    /// Introduces an account of this app to one of the sibling.
    pub(crate) async fn introduce(
        &self,
        app: &Arc<App>,
        caller: Caller,
        request: &PostIntroduction,
    ) -> Result<Introduced, Failure> {
        let sealed = |one: &SealedForDevice| SealedIntroduction {
            device: one.device.to_vec(),
            introduction_key: one.introduction_key.0.clone(),
            sealed: one.sealed.0.clone(),
        };
        let introduce = Introduce {
            to_account: request.to.account.to_vec(),
            id: request.id.to_vec(),
            sealed: request.sealed.iter().map(sealed).collect(),
            header: request.header.0.clone(),
            sender_nonce: request.sender_nonce.0.clone(),
        };
        let act = relayed_act::Act::Introduce(introduce);
        match self.one(app, &caller, act).await? {
            relayed_result::Result::Introduced(introduced) => Ok(introduced),
            _ => Err(confused()),
        }
    }

    /// Key packages of an account of the sibling, for a device of this app.
    pub(crate) async fn fetch_key_packages(
        &self,
        app: &Arc<App>,
        caller: Caller,
        request: FetchKeyPackages,
    ) -> Result<KeyPackagesFetched, Failure> {
        let wanted = AskKeyPackages {
            account: request.address.account.to_vec(),
            token: request.token.map(|token| token.0).unwrap_or_default(),
            devices: request.devices.iter().map(DeviceId::to_vec).collect(),
        };
        let act = relayed_act::Act::AskKeyPackages(wanted);
        let relayed_result::Result::KeyPackages(of) = self.one(app, &caller, act).await? else {
            return Err(confused());
        };
        let package = |package: KeyPackageOf| {
            Ok(DeviceKeyPackage {
                device: DeviceId::from_slice(&package.device)?,
                key_package: Bytes64(package.key_package),
            })
        };
        Ok(KeyPackagesFetched {
            manifest: Bytes64(of.manifest),
            packages: of
                .packages
                .into_iter()
                .map(package)
                .collect::<Result<_, Failure>>()?,
        })
    }
}
