//! People who really sign up: a number with its code, keys, a device list.

use crate::line::Target;
use anyhow::{Context, Result, bail};
use comity_e2ee::introduction;
use comity_e2ee::keys::{DeviceKeys, RootKey, sign_manifest};
use comity_membership::manifest::{Device, Manifest};
use comity_wire::http::{
    AccountCreated, CheckCode, CodeChecked, CreateAccount, RegistrationStarted, StartRegistration,
};
use comity_wire::{AccountId, Address, Bytes64};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Area codes that exist; exchange 555 is for fiction.
const AREAS: [u32; 20] = [
    201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225,
    228,
];
/// People for whom there are numbers.
pub(crate) const PEOPLE_MAX: usize = AREAS.len() * 10_000;

/// Somebody with one device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) account: AccountId,
    /// The device's key. It opens nothing but this bench's own data.
    key: Bytes64,
}

/// The server's random, which is the system's.
pub(crate) fn random(bytes: &mut [u8]) {
    rand::RngCore::fill_bytes(&mut rand::rng(), bytes);
}

/// So many random bytes.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    random(&mut bytes);
    bytes
}

/// A code of the development outbox.
#[derive(Deserialize)]
struct SentCode {
    number: String,
    code: String,
}

/// The number of the `place`th person.
pub(crate) fn number(place: usize) -> Result<String> {
    let area = AREAS.get(place / 10_000).context("too many people")?;
    Ok(format!("+1{area}555{:04}", place % 10_000))
}

/// The code that was sent to a number.
pub(crate) async fn code(target: &Target, http: &reqwest::Client, number: &str) -> Result<String> {
    let url = target.url("/dev/codes");
    let sent: Vec<SentCode> = http.get(url).send().await?.json().await?;
    let found = sent.into_iter().find(|sent| sent.number == number);
    Ok(found.context("no code came")?.code)
}

impl Person {
    pub(crate) fn keys(&self) -> Result<DeviceKeys> {
        Ok(DeviceKeys::from_bytes(&self.key.0)?)
    }

    pub(crate) fn address(&self, target: &Target) -> Address {
        Address::new(target.app.clone(), self.account)
    }

    /// Signs the `place`th person up.
    pub(crate) async fn sign_up(
        target: &Target,
        http: &reqwest::Client,
        place: usize,
    ) -> Result<Self> {
        let number = number(place)?;
        let start = StartRegistration {
            number: number.clone(),
            country: None,
        };
        let started: RegistrationStarted = post(target, http, "/v1/registrations", &start).await?;
        let code = code(target, http, &number).await?;
        let path = format!("/v1/registrations/{}/code", started.registration);
        let proven: CodeChecked = post(target, http, &path, &CheckCode { code }).await?;

        let root = RootKey::generate(&mut random);
        let keys = DeviceKeys::generate(&mut random);
        let account = AccountId::new(random_bytes());
        let manifest = Manifest {
            address: Address::new(target.app.clone(), account),
            root_key: root.public(),
            seq: 1,
            previous_hash: Vec::new(),
            devices: vec![Device::new(keys.public(), true, 1)],
            revoked: Vec::new(),
            at_ms: 1,
        };
        let request = CreateAccount {
            registration_token: proven.registration_token,
            recover: false,
            manifest: Bytes64(sign_manifest(&manifest, Some(&root), None)),
            device: keys.id(),
            introduction_key: Bytes64(introduction::make_key(&keys, 1, i64::MAX)?.signed),
            lock_proof: None,
        };
        let _: AccountCreated = post(target, http, "/v1/accounts", &request).await?;
        Ok(Self {
            account,
            key: Bytes64(keys.to_bytes().to_vec()),
        })
    }
}

async fn post<T: DeserializeOwned>(
    target: &Target,
    http: &reqwest::Client,
    path: &str,
    body: &impl Serialize,
) -> Result<T> {
    let response = http.post(target.url(path)).json(body).send().await?;
    if !response.status().is_success() {
        bail!("{path}: {}", response.text().await?);
    }
    Ok(response.json().await?)
}
