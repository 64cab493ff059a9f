//! The same acts with the bare library: its own storage in memory, no hub, no rules, no SQL.

use anyhow::Result;
use comity_membership::{SUITE, capabilities};
use comity_simulation::processor_time;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, CredentialWithKey, KeyPackage, LeafNodeIndex, LeafNodeParameters, MlsGroup,
    MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut,
    OpenMlsProvider as _, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProcessedMessageContent,
    RatchetTreeIn, SignatureScheme, StagedWelcome,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use std::time::Duration;

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

/// What the acts cost, by name: who does it, and who reads it.
pub(crate) type Bare = Vec<(&'static str, Duration)>;

fn timed<T>(bare: &mut Bare, what: &'static str, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = processor_time();
    let outcome = act()?;
    bare.push((what, processor_time().saturating_sub(begun)));
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

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(5)
        .build()
}

fn join(member: &Member, welcome: &[u8], tree: RatchetTreeIn) -> Result<MlsGroup> {
    let welcome = MlsMessageIn::tls_deserialize_exact(welcome)?;
    let MlsMessageBodyIn::Welcome(welcome) = welcome.extract() else {
        anyhow::bail!("not a welcome");
    };
    let joined =
        StagedWelcome::new_from_welcome(&member.provider, &join_config(), welcome, Some(tree))?;
    Ok(joined.into_group(&member.provider)?)
}

fn join_from_outside(member: &Member, info: &[u8], tree: RatchetTreeIn) -> Result<Vec<u8>> {
    let info = MlsMessageIn::tls_deserialize_exact(info)?;
    let MlsMessageBodyIn::GroupInfo(info) = info.extract() else {
        anyhow::bail!("not a group info");
    };
    let provider = &member.provider;
    let (_, bundle) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree)
        .with_config(join_config())
        .build_group(provider, info, member.credential.clone())?
        .leaf_node_parameters(
            LeafNodeParameters::builder()
                .with_capabilities(capabilities(SUITE))
                .build(),
        )
        .load_psks(provider.storage())?
        .build(provider.rand(), provider.crypto(), &member.signer, |_| true)?
        .finalize(provider)?;
    bytes(bundle.commit())
}

/// The acts of the table, each by Alice unless it says otherwise, and read by Bob.
pub(crate) fn measure(devices: usize) -> Result<Bare> {
    let mut bare = Bare::new();
    let alice = member(0)?;
    let bob = member(1)?;
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(SUITE)
        .capabilities(capabilities(SUITE))
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(5)
        .build();
    let mut group = MlsGroup::new(
        &alice.provider,
        &alice.signer,
        &config,
        alice.credential.clone(),
    )?;
    let (_, welcome, _) = group.add_members(&alice.provider, &alice.signer, &[package(&bob)?])?;
    group.merge_pending_commit(&alice.provider)?;
    let mut bobs = join(&bob, &bytes(&welcome)?, group.export_ratchet_tree().into())?;
    let erik = member(2)?;
    let mut packages = Vec::new();
    for name in 3..devices - 1 {
        packages.push(package(&member(name)?)?);
    }
    let commits = timed(&mut bare, "add all in lots", || {
        let mut commits = Vec::new();
        for lot in packages.chunks(LOT) {
            let (commit, ..) = group.add_members(&alice.provider, &alice.signer, lot)?;
            group.merge_pending_commit(&alice.provider)?;
            commits.push(bytes(&commit)?);
        }
        Ok(commits)
    })?;
    timed(&mut bare, "add all in lots, read", || {
        commits
            .iter()
            .try_for_each(|commit| take(&bob, &mut bobs, commit))
    })?;
    let message = timed(&mut bare, "a message", || {
        let made = group.create_message(&alice.provider, &alice.signer, b"Hello everybody")?;
        bytes(&made)
    })?;
    timed(&mut bare, "a message, read", || {
        take(&bob, &mut bobs, &message)
    })?;
    let add = [package(&erik)?];
    let (commit, welcome) = timed(&mut bare, "add one", || {
        let (commit, welcome, _) = group.add_members(&alice.provider, &alice.signer, &add)?;
        group.merge_pending_commit(&alice.provider)?;
        Ok((bytes(&commit)?, bytes(&welcome)?))
    })?;
    timed(&mut bare, "add one, read", || {
        take(&bob, &mut bobs, &commit)
    })?;
    let tree = group.export_ratchet_tree();
    timed(&mut bare, "join by a welcome", || {
        join(&erik, &welcome, tree.into()).map(drop)
    })?;
    let commit = timed(&mut bare, "remove one", || {
        let leaf = LeafNodeIndex::new(u32::try_from(devices)? - 3);
        let (commit, ..) = group.remove_members(&alice.provider, &alice.signer, &[leaf])?;
        group.merge_pending_commit(&alice.provider)?;
        bytes(&commit)
    })?;
    timed(&mut bare, "remove one, read", || {
        take(&bob, &mut bobs, &commit)
    })?;
    let commit = timed(&mut bare, "update", || {
        let parameters = LeafNodeParameters::default();
        let bundle = group.self_update(&alice.provider, &alice.signer, parameters)?;
        group.merge_pending_commit(&alice.provider)?;
        bytes(&bundle.into_commit())
    })?;
    timed(&mut bare, "update, read", || take(&bob, &mut bobs, &commit))?;
    let carol = member(devices)?;
    let info = group.export_group_info(alice.provider.crypto(), &alice.signer, false)?;
    let (info, tree) = (bytes(&info)?, group.export_ratchet_tree());
    let commit = timed(&mut bare, "join from outside", || {
        join_from_outside(&carol, &info, tree.into())
    })?;
    timed(&mut bare, "join from outside, read", || {
        take(&bob, &mut bobs, &commit)
    })?;
    Ok(bare)
}
