//! The same acts with the bare library: its own storage in memory, no hub, no rules, no SQL.

use super::ms;
use anyhow::Result;
use comity_membership::{SUITE, capabilities};
use comity_simulation::processor_time;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, CredentialWithKey, KeyPackage, LeafNodeIndex, LeafNodeParameters, MlsGroup,
    MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut,
    OpenMlsProvider as _, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProcessedMessageContent,
    SignatureScheme, StagedWelcome,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;

/// Devices that one commit adds.
const LOT: usize = 64;

struct Member {
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
}

fn member(name: usize) -> Result<Member> {
    let signer = SignatureKeyPair::new(SignatureScheme::ED25519)?;
    let provider = OpenMlsRustCrypto::default();
    signer.store(provider.storage())?;
    let credential = CredentialWithKey {
        credential: BasicCredential::new(name.to_be_bytes().to_vec()).into(),
        signature_key: signer.public().into(),
    };
    Ok(Member {
        provider,
        signer,
        credential,
    })
}

fn package(member: &Member) -> Result<KeyPackage> {
    let bundle = KeyPackage::builder()
        .leaf_node_capabilities(capabilities(SUITE))
        .build(
            SUITE,
            &member.provider,
            &member.signer,
            member.credential.clone(),
        )?;
    Ok(bundle.key_package().clone())
}

fn timed<T>(what: &str, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = processor_time();
    let outcome = act()?;
    println!(
        "    {what:<28} {:>9.1} ms",
        ms(processor_time().saturating_sub(begun))
    );
    Ok(outcome)
}

fn bytes(message: &MlsMessageOut) -> Result<Vec<u8>> {
    Ok(message.tls_serialize_detached()?)
}

fn take(member: &Member, group: &mut MlsGroup, message: &[u8]) -> Result<()> {
    let message = MlsMessageIn::tls_deserialize_exact(message)?;
    let message = message.try_into_protocol_message()?;
    let processed = group.process_message(&member.provider, message)?;
    if let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() {
        group.merge_staged_commit(&member.provider, *staged)?;
    }
    Ok(())
}

/// Measures and prints.
pub(crate) fn measure(devices: usize) -> Result<()> {
    println!("the bare library, at {devices} devices:");
    let alice = member(0)?;
    let bob = member(1)?;
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(SUITE)
        .capabilities(capabilities(SUITE))
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(5)
        .build();
    let join = MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(5)
        .build();
    let mut group = MlsGroup::new(
        &alice.provider,
        &alice.signer,
        &config,
        alice.credential.clone(),
    )?;
    let first = package(&bob)?;
    let (_, welcome, _) = group.add_members(&alice.provider, &alice.signer, &[first])?;
    group.merge_pending_commit(&alice.provider)?;
    let welcome = MlsMessageIn::tls_deserialize_exact(bytes(&welcome)?)?;
    let MlsMessageBodyIn::Welcome(welcome) = welcome.extract() else {
        anyhow::bail!("not a welcome");
    };
    let tree = Some(group.export_ratchet_tree().into());
    let mut bobs = StagedWelcome::new_from_welcome(&bob.provider, &join, welcome, tree)?
        .into_group(&bob.provider)?;
    let mut packages = Vec::new();
    for name in 2..devices {
        packages.push(package(&member(name)?)?);
    }
    let one = packages.pop();
    let mut commits = Vec::new();
    timed("add all others in lots", || {
        for lot in packages.chunks(LOT) {
            let (commit, ..) = group.add_members(&alice.provider, &alice.signer, lot)?;
            group.merge_pending_commit(&alice.provider)?;
            commits.push(bytes(&commit)?);
        }
        Ok(())
    })?;
    timed("  read", || {
        commits
            .iter()
            .try_for_each(|commit| take(&bob, &mut bobs, commit))
    })?;
    let message = timed("a message", || {
        Ok(group.create_message(&alice.provider, &alice.signer, b"Hello everybody")?)
    })?;
    timed("  read", || take(&bob, &mut bobs, &bytes(&message)?))?;
    let add: Vec<KeyPackage> = one.into_iter().collect();
    let commit = timed("add one", || {
        let (commit, ..) = group.add_members(&alice.provider, &alice.signer, &add)?;
        group.merge_pending_commit(&alice.provider)?;
        Ok(commit)
    })?;
    timed("  read", || take(&bob, &mut bobs, &bytes(&commit)?))?;
    let commit = timed("remove one", || {
        let leaf = LeafNodeIndex::new(u32::try_from(devices)? - 2);
        let (commit, ..) = group.remove_members(&alice.provider, &alice.signer, &[leaf])?;
        group.merge_pending_commit(&alice.provider)?;
        Ok(commit)
    })?;
    timed("  read", || take(&bob, &mut bobs, &bytes(&commit)?))?;
    let commit = timed("update", || {
        let bundle = group.self_update(
            &alice.provider,
            &alice.signer,
            LeafNodeParameters::default(),
        )?;
        group.merge_pending_commit(&alice.provider)?;
        Ok(bundle.into_commit())
    })?;
    timed("  read", || take(&bob, &mut bobs, &bytes(&commit)?))
}
