//! What the hub does for groups: leaving, who speaks, invitation links, the sealed state.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_e2ee::engine::Plan;
use comity_e2ee::invitation::Invitation;
use comity_membership::{CommitHeader, Context, Permissions};
use comity_wire::ConversationId;
use comity_wire::http::PutBlock;
use comity_wire::proto::{
    ConversationKind, FetchState, Leave, PutGroupInfo, PutState, StateReply, SubmitCommit,
    client_frame::Act, reply, server_frame::Frame,
};
use common::steps::{fetch, group, proposal, random, say, state};
use common::{House, Person};
use std::collections::BTreeMap;

async fn change(
    person: &mut Person,
    conversation: &ConversationId,
    change: impl FnOnce(&mut Context),
) {
    let mut context = person.session().context(conversation).unwrap();
    change(&mut context);
    let plan = Plan {
        context: Some(context),
        ..Plan::default()
    };
    let commit = person.commit(conversation, plan);
    person.socket.ask(Act::SubmitCommit(commit)).await.unwrap();
    person.session().confirm_pending(conversation).unwrap();
}

async fn follow(person: &mut Person, conversation: &ConversationId, after: u64) {
    for entry in fetch(person, &conversation.id.to_vec(), after)
        .await
        .entries
    {
        person
            .session()
            .process_commit(conversation, &entry.body, &mut |_, _, _| Ok(()))
            .unwrap();
    }
}

async fn fetch_state(person: &mut Person, request: FetchState) -> Result<StateReply, String> {
    match person.socket.ask(Act::FetchState(request)).await? {
        reply::Result::State(state) => Ok(state),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_says_nothing_more_and_is_taken_out_by_the_next_commit() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let log = conversation.id.to_vec();
    let leave = || {
        Act::Leave(Leave {
            hub: String::new(),
            conversation: conversation.id.to_vec(),
        })
    };
    bob.socket.ask(leave()).await.unwrap();
    bob.socket.ask(leave()).await.unwrap();
    let entry = bob.entry(&conversation, b"one more thing");
    let refused = bob.socket.ask(Act::Append(entry)).await.unwrap_err();
    assert_eq!(refused, "not_member");
    let join = FetchState {
        conversation: log.clone(),
        ..FetchState::default()
    };
    assert_eq!(fetch_state(&mut bob, join).await.unwrap_err(), "not_member");
    let proposed = proposal(&mut alice, &log).await;
    alice
        .session()
        .process_proposal(&conversation, &proposed.body)
        .unwrap();
    let commit = alice.commit(
        &conversation,
        Plan {
            update_self: true,
            ..Plan::default()
        },
    );
    alice.socket.ask(Act::SubmitCommit(commit)).await.unwrap();
    alice.session().confirm_pending(&conversation).unwrap();
    assert!(!state(&mut bob, &log).await.member);
    assert_eq!(alice.session().members(&conversation).unwrap().len(), 1);
    // The last one leaves: nobody has to commit anything.
    alice.socket.ask(leave()).await.unwrap();
    assert!(!state(&mut alice, &log).await.member);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_admins_speak_members_are_refused_until_they_may() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let log = conversation.id.to_vec();
    let head = state(&mut bob, &log).await.head_seq;
    change(&mut alice, &conversation, |context| {
        context.permissions = Permissions {
            only_admins_speak: true,
            ..Permissions::default()
        };
    })
    .await;
    follow(&mut bob, &conversation, head).await;
    say(&mut alice, &conversation, b"news").await;
    let entry = bob.entry(&conversation, b"but");
    assert_eq!(
        bob.socket.ask(Act::Append(entry)).await.unwrap_err(),
        "forbidden"
    );
    change(&mut alice, &conversation, |context| {
        context.permissions = Permissions::default();
    })
    .await;
    let head = state(&mut bob, &log).await.head_seq;
    follow(&mut bob, &conversation, head - 1).await;
    say(&mut bob, &conversation, b"thanks").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_opens_the_group_to_who_has_it() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let mut dora = Person::sign_up(&house, 3).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let log = conversation.id.to_vec();
    let link = Invitation::generate(conversation.clone(), &mut random);
    let ask = |link: Option<&Invitation>, dora: &Person| FetchState {
        conversation: conversation.id.to_vec(),
        link_signature: link
            .map(|link| link.sign_fetch(&dora.keys.id()))
            .unwrap_or_default(),
        ..FetchState::default()
    };
    let nothing = ask(None, &dora);
    assert_eq!(
        fetch_state(&mut dora, nothing).await.unwrap_err(),
        "not_member"
    );
    let early = ask(Some(&link), &dora);
    assert_eq!(
        fetch_state(&mut dora, early.clone()).await.unwrap_err(),
        "forbidden"
    );
    change(&mut alice, &conversation, |context| {
        context.link_key = Some(link.public_key());
    })
    .await;
    // Another device's right is not Dora's.
    let bobs = ask(Some(&link), &bob);
    assert_eq!(fetch_state(&mut dora, bobs).await.unwrap_err(), "forbidden");
    let shown = fetch_state(&mut dora, early).await.unwrap();
    let sign = link.sign_join(
        shown.epoch,
        &dora.address.clone(),
        &dora.keys.id(),
        &dora.keys.public(),
    );
    for (signature, outcome) in [(Vec::new(), Some("not_member")), (sign, None)] {
        let header = CommitHeader {
            version: 1,
            link_signature: signature,
            ..CommitHeader::default()
        };
        let pending = dora
            .session()
            .prepare_external_join(
                &conversation,
                &shown.group_info,
                &shown.ratchet_tree,
                &header,
                &mut |_, _, _| Ok(()),
            )
            .unwrap();
        let submit = SubmitCommit {
            conversation: log.clone(),
            expected_epoch: shown.epoch,
            idempotency_key: common::random16().to_vec(),
            commit: pending.commit,
            group_info: pending.group_info,
            ..SubmitCommit::default()
        };
        let answer = dora.socket.ask(Act::SubmitCommit(submit)).await;
        match outcome {
            Some(code) => {
                assert_eq!(answer.unwrap_err(), code);
                dora.session().discard_pending(&conversation).unwrap();
            }
            None => {
                answer.unwrap();
                dora.session().confirm_pending(&conversation).unwrap();
            }
        }
    }
    say(&mut dora, &conversation, b"hello all").await;
    assert!(state(&mut dora, &log).await.member);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sealed_state_is_one_compare_and_swap_and_members_are_told() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let mut eve = Person::sign_up(&house, 3).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let log = conversation.id.to_vec();
    let epoch = alice.session().epoch(&conversation).unwrap();
    let put = |version: u64, text: &[u8]| {
        Act::PutState(PutState {
            conversation: conversation.id.to_vec(),
            expected_epoch: epoch,
            expected_version: version,
            sealed_state: text.to_vec(),
            ..PutState::default()
        })
    };
    let version = state(&mut bob, &log).await.state_version;
    alice.socket.ask(put(version, b"sealed one")).await.unwrap();
    let told = bob
        .socket
        .push(|frame| match frame {
            Frame::StateChanged(changed) => Some(changed),
            _ => None,
        })
        .await;
    assert_eq!(
        (told.conversation, told.state_version, told.resealed),
        (log.clone(), version + 1, false)
    );
    assert_eq!(
        bob.socket
            .ask(put(version, b"sealed two"))
            .await
            .unwrap_err(),
        "stale_epoch"
    );
    assert_eq!(
        eve.socket.ask(put(version + 1, b"mine")).await.unwrap_err(),
        "not_member"
    );
    // Bob is no admin: he seals anew what there is, and changes nothing.
    assert_eq!(
        bob.socket.ask(put(version + 1, b"mine")).await.unwrap_err(),
        "forbidden"
    );
    assert_eq!(
        alice.socket.ask(put(version + 1, b"")).await.unwrap_err(),
        "malformed"
    );
    let only = FetchState {
        conversation: log.clone(),
        sealed_only: true,
        ..FetchState::default()
    };
    let shown = fetch_state(&mut bob, only.clone()).await.unwrap();
    assert_eq!(shown.sealed_state, b"sealed one");
    assert!(shown.group_info.is_empty() && shown.ratchet_tree.is_empty());
    assert_eq!(fetch_state(&mut eve, only).await.unwrap_err(), "not_member");
    assert_eq!(state(&mut bob, &log).await.state_version, version + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_seals_anew_without_end_holds_up_nobody() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let log = conversation.id.to_vec();
    let epoch = alice.session().epoch(&conversation).unwrap();
    let version = state(&mut bob, &log).await.state_version;
    let put = |version: u64| {
        Act::PutState(PutState {
            conversation: conversation.id.to_vec(),
            expected_epoch: epoch,
            expected_version: version,
            sealed_state: vec![7; 300],
            resealed: true,
            ..PutState::default()
        })
    };
    let mut asked = Vec::new();
    for next in 0..200 {
        asked.push(bob.socket.send(put(version + next)).await);
    }
    // In the middle of that, and with nothing of its own to put there.
    bob.socket.answer(asked.remove(0)).await.unwrap();
    let mut commit = alice.commit(&conversation, Plan::default());
    commit.sealed_state = Vec::new();
    alice.socket.ask(Act::SubmitCommit(commit)).await.unwrap();
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for request in asked {
        let answer = bob.socket.answer(request).await;
        let code = answer.err().unwrap_or_else(|| "done".to_owned());
        *answers.entry(code).or_default() += 1;
    }
    assert!(answers.get("rate_limited") > Some(&100), "{answers:?}");
    let only = FetchState {
        conversation: log.clone(),
        sealed_only: true,
        ..FetchState::default()
    };
    let shown = fetch_state(&mut alice, only).await.unwrap();
    assert_eq!((shown.epoch, shown.sealed_state), (epoch + 1, vec![7; 300]));
    let done = 1 + u64::try_from(answers.get("done").copied().unwrap_or_default()).unwrap();
    assert_eq!(state(&mut bob, &log).await.state_version, version + done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_replaces_the_group_info_of_the_epoch() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let epoch = bob.session().epoch(&conversation).unwrap();
    let put = |epoch: u64, group_info: Vec<u8>| {
        Act::PutGroupInfo(PutGroupInfo {
            hub: String::new(),
            conversation: conversation.id.to_vec(),
            epoch,
            group_info,
        })
    };
    let info = bob.session().group_info(&conversation).unwrap();
    bob.socket.ask(put(epoch, info.clone())).await.unwrap();
    assert_eq!(
        bob.socket
            .ask(put(epoch + 1, info.clone()))
            .await
            .unwrap_err(),
        "stale_epoch"
    );
    let mut broken = info;
    let last = broken.len() - 1;
    broken[last] ^= 1;
    assert_eq!(
        bob.socket.ask(put(epoch, broken)).await.unwrap_err(),
        "mls_invalid"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_common_group_gives_no_right_to_key_packages_and_a_block_takes_it() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    bob.post_key_packages(&house, 5).await;
    group(&house, &mut alice, &mut [&mut bob]).await;
    let refused = alice.fetch_key_packages(&house, &bob.address, None).await;
    assert_eq!(common::code(refused), "consent_needed");

    // A conversation of the two does, until Bob blocks her.
    let direct = alice.conversation();
    alice
        .create(
            &house,
            &direct,
            ConversationKind::Direct,
            Some(&bob.address),
        )
        .await
        .unwrap();
    let plan = Plan {
        add: vec![bob.session().key_package(false).unwrap()],
        ..Plan::default()
    };
    let commit = alice.commit(&direct, plan);
    alice.socket.ask(Act::SubmitCommit(commit)).await.unwrap();
    let given = alice.fetch_key_packages(&house, &bob.address, None).await;
    assert_eq!(given.unwrap().len(), 1);
    let block = PutBlock {
        address: alice.address.clone(),
        blocked: true,
    };
    let _: serde_json::Value = bob
        .act(&house, "PUT", "/v1/me/blocks", &block)
        .await
        .unwrap();
    let refused = alice.fetch_key_packages(&house, &bob.address, None).await;
    assert_eq!(common::code(refused), "consent_needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_everybody_left_is_over_for_who_has_its_link() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut dora = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut []).await;
    let link = Invitation::generate(conversation.clone(), &mut random);
    change(&mut alice, &conversation, |context| {
        context.link_key = Some(link.public_key());
    })
    .await;
    let ask = FetchState {
        conversation: conversation.id.to_vec(),
        link_signature: link.sign_fetch(&dora.keys.id()),
        ..FetchState::default()
    };
    let shown = fetch_state(&mut dora, ask.clone()).await.unwrap();
    let leave = Leave {
        conversation: conversation.id.to_vec(),
        ..Leave::default()
    };
    alice.socket.ask(Act::Leave(leave)).await.unwrap();
    let refused = fetch_state(&mut dora, ask).await.unwrap_err();
    assert_eq!(refused, "not_member");
    // Nor for who was shown the group before that.
    let (address, device) = (dora.address.clone(), dora.keys.id());
    let key = dora.keys.public();
    let header = CommitHeader {
        version: 1,
        link_signature: link.sign_join(shown.epoch, &address, &device, &key),
        ..CommitHeader::default()
    };
    let pending = dora
        .session()
        .prepare_external_join(
            &conversation,
            &shown.group_info,
            &shown.ratchet_tree,
            &header,
            &mut |_, _, _| Ok(()),
        )
        .unwrap();
    let submit = SubmitCommit {
        conversation: conversation.id.to_vec(),
        expected_epoch: shown.epoch,
        idempotency_key: common::random16().to_vec(),
        commit: pending.commit,
        group_info: pending.group_info,
        ..SubmitCommit::default()
    };
    let answer = dora.socket.ask(Act::SubmitCommit(submit)).await;
    assert_eq!(answer.unwrap_err(), "not_member");
}
