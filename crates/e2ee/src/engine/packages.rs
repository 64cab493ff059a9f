//! Key packages: what others need to add this device.

use super::commits::{LIFETIME_S, encode};
use super::error::malformed;
use super::{Result1, Session};
use crate::storage::Kind;
use comity_membership::{capabilities, parse_key_package};
use openmls::prelude::{KeyPackage, Lifetime, MlsMessageOut};
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::storage::StorageProvider as _;

impl Session<'_> {
    /// Makes a key package; its private parts are stored. Hubs hand it out for 30 days; it is good
    /// for longer, for those who read of it late. A last-resort one is not used up by a welcome.
    ///
    /// # Errors
    /// [`super::EngineError`] when the store fails.
    pub fn key_package(&mut self, last_resort: bool) -> Result1<Vec<u8>> {
        let mut builder = KeyPackage::builder()
            .leaf_node_capabilities(capabilities(self.provider.suite))
            .key_package_lifetime(Lifetime::new(LIFETIME_S));
        if last_resort {
            builder = builder.mark_as_last_resort();
        }
        let bundle = builder
            .build(
                self.provider.suite,
                &self.provider,
                self.keys,
                self.credential(),
            )
            .map_err(malformed)?;
        let package = bundle.key_package().clone();
        let reference = package
            .hash_ref(self.provider.crypto())
            .map_err(malformed)?;
        let expires_s = package.life_time().not_after();
        self.provider
            .storage
            .put(Kind::KeyPackageExpiry, &reference, &expires_s)?;
        encode(&MlsMessageOut::from(package))
    }

    /// Forgets the private parts of a key package.
    ///
    /// # Errors
    /// [`super::EngineError`] when it is not one, or the store fails.
    pub fn delete_key_package(&mut self, key_package: &[u8]) -> Result1<()> {
        let package = parse_key_package(key_package)?;
        let reference = package
            .hash_ref(self.provider.crypto())
            .map_err(malformed)?;
        Ok(self.provider.storage.delete_key_package(&reference)?)
    }

    /// Forgets the private parts of key packages that were over by `before_s` (Unix seconds);
    /// says how many. Give it some time after the end, for welcomes that are still on their way.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_key_packages(&mut self, before_s: u64) -> Result1<usize> {
        let storage = &self.provider.storage;
        let over: Vec<(Vec<u8>, u64)> = storage.all(Kind::KeyPackageExpiry)?;
        let mut purged = 0;
        for (reference, _) in over.iter().filter(|(_, expires_s)| *expires_s <= before_s) {
            storage.forget_raw(Kind::KeyPackage, reference)?;
            storage.forget_raw(Kind::KeyPackageExpiry, reference)?;
            purged += 1;
        }
        Ok(purged)
    }
}
