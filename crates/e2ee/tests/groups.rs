//! Groups: who may change what, told with real groups and the hub's public half of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod common;

use comity_content::proto::GroupState;
use comity_e2ee::engine::{EngineError, Pending, Plan};
use comity_e2ee::group_state;
use comity_e2ee::invitation::Invitation;
use comity_membership::change::CommitHeader;
use comity_membership::rules::{acts_as_admin, may_add, may_edit_details, may_speak};
use comity_membership::{Context, Permissions, Refusal, Role};
use comity_wire::proto::ConversationKind;
use common::{Hub, Phone, agree, app_key, random};

/// Ana's group with Ben and Cleo; Ana is its admin.
fn choir() -> (Phone, Phone, Phone, Hub) {
    let (mut ana, mut ben, mut cleo) = (Phone::new(1), Phone::new(2), Phone::new(3));
    let mut hub = Hub::create(&mut ana, ConversationKind::Group, None);
    hub.knows(&[&ben]);
    hub.knows(&[&cleo]);
    hub.add(&mut ana, &mut ben, &mut []);
    hub.add(&mut ana, &mut cleo, &mut [&mut ben]);
    (ana, ben, cleo, hub)
}

fn commit(by: &mut Phone, hub: &Hub, plan: Plan) -> Result<Pending, EngineError> {
    by.session().commit(&hub.id, plan, &CommitHeader::default())
}

/// Tries it, at the hub; what was refused is discarded.
fn attempt(by: &mut Phone, hub: &mut Hub, plan: Plan) -> Result<(), String> {
    let pending = commit(by, hub, plan).unwrap();
    let outcome = hub.submit(&pending).map(|_| ());
    match &outcome {
        Ok(()) => drop(by.session().confirm_pending(&hub.id).unwrap()),
        Err(_) => by.session().discard_pending(&hub.id).unwrap(),
    }
    outcome
}

fn context(by: &mut Phone, hub: &Hub, change: impl FnOnce(&mut Context)) -> Plan {
    let mut context = by.session().context(&hub.id).unwrap();
    change(&mut context);
    Plan {
        context: Some(context),
        ..Plan::default()
    }
}

fn refused(refusal: &Refusal) -> Result<(), String> {
    Err(refusal.to_string())
}

#[test]
fn an_admin_names_another_and_a_member_names_nobody() {
    let (mut ana, mut ben, mut cleo, mut hub) = choir();
    let address = ben.address.clone();
    let plan = context(&mut ben, &hub, |context| {
        context.roles.insert(address, Role::Admin);
    });
    assert_eq!(
        attempt(&mut ben, &mut hub, plan),
        refused(&Refusal::NotAdmin)
    );
    let address = ben.address.clone();
    let plan = context(&mut ana, &hub, |context| {
        context.roles.insert(address, Role::Admin);
    });
    assert_eq!(attempt(&mut ana, &mut hub, plan), Ok(()));
    hub.deliver(&mut ben);
    hub.deliver(&mut cleo);
    agree(&hub.id, &mut [&mut ana, &mut ben, &mut cleo]);
    // Now Ben may; and Cleo's permissions come from the context that she merged.
    let plan = context(&mut ben, &hub, |context| {
        context.permissions.members_edit = true;
    });
    assert_eq!(attempt(&mut ben, &mut hub, plan), Ok(()));
    hub.deliver(&mut cleo);
    let seen = cleo.session().context(&hub.id).unwrap();
    let members = cleo.session().members(&hub.id).unwrap();
    assert!(may_edit_details(&seen, &members, &cleo.address));
    assert!(!may_add(&seen, &members, &cleo.address));
}

#[test]
fn what_a_group_is_never_changes() {
    let (mut ana, _, _, mut hub) = choir();
    let fixed = refused(&Refusal::ContextFixed);
    let plan = context(&mut ana, &hub, |context| context.app_key = vec![9; 32]);
    assert_eq!(attempt(&mut ana, &mut hub, plan), fixed);
    let elsewhere = "ffffffffffffffffffffffffffffffff@chat.example";
    let plan = context(&mut ana, &hub, |context| {
        context.conversation = elsewhere.parse().unwrap();
    });
    assert_eq!(attempt(&mut ana, &mut hub, plan), fixed);
    let other = Phone::new(2).address;
    let plan = context(&mut ana, &hub, |context| {
        context.kind = ConversationKind::Direct;
        context.roles = Context::direct_roles(&Phone::new(1).address, &other);
    });
    assert_eq!(attempt(&mut ana, &mut hub, plan), fixed);
    let mut ben = Phone::new(12);
    let mut direct = Hub::create(&mut ana, ConversationKind::Direct, Some(&ben));
    direct.knows(&[&ben]);
    direct.add(&mut ana, &mut ben, &mut []);
    let plan = context(&mut ana, &direct, |_| {});
    assert_eq!(attempt(&mut ana, &mut direct, plan), fixed);
}

#[test]
fn a_ghost_does_not_come_in_beside_a_change_of_roles() {
    let (mut ana, _, _, mut hub) = choir();
    // A second device of Ben's account that his list does not have, added by an admin.
    let ben = Phone::new(2);
    let mut ghost = Phone::of(ben.address, ben.root, 77);
    let package = ghost.session().key_package(false).unwrap();
    let mut plan = context(&mut ana, &hub, |context| {
        context.permissions.members_add = true;
    });
    plan.add = vec![package];
    assert_eq!(
        attempt(&mut ana, &mut hub, plan),
        refused(&Refusal::NotInManifest)
    );
}

#[test]
fn who_is_put_out_leaves_the_role_behind() {
    let (mut ana, mut ben, mut cleo, mut hub) = choir();
    let address = ben.address.clone();
    let plan = context(&mut ana, &hub, |context| {
        context.roles.insert(address.clone(), Role::Admin);
    });
    assert_eq!(attempt(&mut ana, &mut hub, plan), Ok(()));
    hub.deliver(&mut ben);
    hub.deliver(&mut cleo);
    let out = vec![ben.keys.id()];
    let plan = Plan {
        remove: out.clone(),
        ..Plan::default()
    };
    assert_eq!(
        attempt(&mut ana, &mut hub, plan),
        refused(&Refusal::RoleOfNobody)
    );
    let mut plan = context(&mut ana, &hub, |context| {
        context.roles.remove(&ben.address);
    });
    plan.remove = out;
    assert_eq!(attempt(&mut ana, &mut hub, plan), Ok(()));
    assert!(hub.deliver(&mut ben).self_removed);
    // Nobody gets a role who is not there.
    let plan = context(&mut ana, &hub, |context| {
        context.roles.insert(ben.address.clone(), Role::Admin);
    });
    assert_eq!(
        attempt(&mut ana, &mut hub, plan),
        refused(&Refusal::RoleOfNobody)
    );
}

#[test]
fn a_group_whose_admins_are_gone_has_an_heir() {
    let (ana, mut ben, mut cleo, mut hub) = choir();
    // Ana's account is gone: the app proposes, Cleo commits.
    let mut state = hub.state();
    let proposal = state.propose_removal(0, &common::APP_SECRET).unwrap();
    hub.state = state.to_bytes().unwrap();
    for phone in [&mut ben, &mut cleo] {
        phone
            .session()
            .process_proposal(&hub.id, &proposal)
            .unwrap();
    }
    let plan = Plan {
        update_self: true,
        ..Plan::default()
    };
    assert_eq!(attempt(&mut cleo, &mut hub, plan), Ok(()));
    hub.deliver(&mut ben);
    let seen = ben.session().context(&hub.id).unwrap();
    let members = ben.session().members(&hub.id).unwrap();
    assert!(seen.is_admin(&ben.address), "the commit names him");
    assert!(acts_as_admin(&seen, &members, &ben.address));
    assert!(!acts_as_admin(&seen, &members, &cleo.address));
    assert!(!acts_as_admin(&seen, &members, &ana.address));
    // Ben takes the office; Ana's old one goes with it.
    let plan = context(&mut ben, &hub, |context| {
        context.roles = [(ben_address(), Role::Admin)].into();
    });
    assert_eq!(attempt(&mut ben, &mut hub, plan), Ok(()));
}

fn ben_address() -> comity_wire::Address {
    Phone::new(2).address
}

#[test]
fn permissions_say_who_adds_and_who_speaks() {
    let (mut ana, mut ben, mut cleo, mut hub) = choir();
    let mut dora = Phone::new(4);
    hub.knows(&[&dora]);
    let add = |dora: &mut Phone| Plan {
        add: vec![dora.session().key_package(false).unwrap()],
        ..Plan::default()
    };
    let plan = add(&mut dora);
    assert_eq!(
        attempt(&mut ben, &mut hub, plan),
        refused(&Refusal::NotAdmin)
    );
    let plan = context(&mut ana, &hub, |context| {
        context.permissions = Permissions {
            members_add: true,
            only_admins_speak: true,
            ..Permissions::default()
        };
    });
    assert_eq!(attempt(&mut ana, &mut hub, plan), Ok(()));
    hub.deliver(&mut ben);
    hub.deliver(&mut cleo);
    hub.add(&mut ben, &mut dora, &mut [&mut ana, &mut cleo]);
    let seen = dora.session().context(&hub.id).unwrap();
    let members = dora.session().members(&hub.id).unwrap();
    assert!(may_speak(&seen, &members, &ana.address));
    assert!(!may_speak(&seen, &members, &dora.address));
    agree(&hub.id, &mut [&mut ana, &mut ben, &mut cleo, &mut dora]);
}

/// Joins by the link, as the hub sees it.
fn by_link(
    who: &mut Phone,
    hub: &mut Hub,
    sign: impl FnOnce(u64, &Phone) -> Vec<u8>,
) -> Result<(), String> {
    let epoch = hub.state().epoch();
    let header = CommitHeader {
        version: 1,
        link_signature: sign(epoch, who),
        ..CommitHeader::default()
    };
    let (info, tree) = (hub.group_info.clone(), hub.tree());
    let pending = who
        .session()
        .prepare_external_join(&hub.id, &info, &tree, &header, &mut |_, _, _| Ok(()))
        .unwrap();
    let outcome = hub.submit(&pending).map(|_| ());
    match &outcome {
        Ok(()) => drop(who.session().confirm_pending(&hub.id).unwrap()),
        Err(_) => who.session().discard_pending(&hub.id).unwrap(),
    }
    outcome
}

#[test]
fn who_has_the_link_joins_and_nobody_else() {
    let (mut ana, mut ben, mut cleo, mut hub) = choir();
    let mut dora = Phone::new(4);
    hub.knows(&[&dora]);
    let link = Invitation::generate(hub.id.clone(), &mut random(9));
    let sign = |link: &Invitation, epoch: u64, who: &Phone| {
        link.sign_join(epoch, &who.address, &who.keys.id(), &who.keys.public())
    };
    let invalid = refused(&Refusal::LinkInvalid);
    // There is no link yet.
    assert_eq!(
        by_link(&mut dora, &mut hub, |epoch, who| sign(&link, epoch, who)),
        invalid
    );
    let plan = context(&mut ana, &hub, |context| {
        context.link_key = Some(link.public_key());
    });
    assert_eq!(attempt(&mut ana, &mut hub, plan), Ok(()));
    hub.deliver(&mut ben);
    hub.deliver(&mut cleo);
    // Without it, with another link, with one for another epoch or device: no.
    assert_eq!(
        by_link(&mut dora, &mut hub, |_, _| Vec::new()),
        refused(&Refusal::NotMember)
    );
    let other = Invitation::generate(hub.id.clone(), &mut random(10));
    assert_eq!(
        by_link(&mut dora, &mut hub, |epoch, who| sign(&other, epoch, who)),
        invalid
    );
    assert_eq!(
        by_link(&mut dora, &mut hub, |epoch, who| sign(
            &link,
            epoch - 1,
            who
        )),
        invalid
    );
    let cleos = |epoch: u64, _: &Phone| sign(&link, epoch, &Phone::new(3));
    assert_eq!(by_link(&mut dora, &mut hub, cleos), invalid);
    // With it: yes, and everybody agrees on it.
    assert_eq!(
        by_link(&mut dora, &mut hub, |epoch, who| sign(&link, epoch, who)),
        Ok(())
    );
    for phone in [&mut ana, &mut ben, &mut cleo] {
        hub.deliver(phone);
    }
    agree(&hub.id, &mut [&mut ana, &mut ben, &mut cleo, &mut dora]);
    // A new link makes the old one worthless.
    let plan = context(&mut ana, &hub, |context| {
        context.link_key = Some(other.public_key());
    });
    assert_eq!(attempt(&mut ana, &mut hub, plan), Ok(()));
    let mut emil = Phone::new(5);
    hub.knows(&[&emil]);
    assert_eq!(
        by_link(&mut emil, &mut hub, |epoch, who| sign(&link, epoch, who)),
        invalid
    );
}

#[test]
fn the_state_of_the_next_epoch_is_sealed_with_the_commit() {
    let (mut ana, mut ben, mut cleo, mut hub) = choir();
    let state = GroupState {
        name: "Choir".into(),
        ..GroupState::default()
    };
    let document = group_state::sign(&ana.keys, &ana.address, &hub.id, &state);
    let pending = commit(
        &mut ana,
        &hub,
        Plan {
            update_self: true,
            ..Plan::default()
        },
    )
    .unwrap();
    let sealed = group_state::seal(&pending.state_key, &hub.id, &document, &mut random(1)).unwrap();
    let now = group_state::key(&mut ben.session(), &hub.id).unwrap();
    assert!(group_state::open(&now, &hub.id, &sealed).is_err());
    hub.submit(&pending).unwrap();
    ana.session().confirm_pending(&hub.id).unwrap();
    for phone in [&mut ben, &mut cleo] {
        hub.deliver(phone);
        let key = group_state::key(&mut phone.session(), &hub.id).unwrap();
        let opened = group_state::open(&key, &hub.id, &sealed).unwrap();
        let verified = group_state::verify(&hub.id, &opened).unwrap();
        assert_eq!((&verified.state, &verified.author), (&state, &ana.address));
        assert_eq!(verified.device, ana.keys.id());
    }
    assert_eq!(
        group_state::key(&mut ana.session(), &hub.id).unwrap(),
        pending.state_key
    );
    assert_eq!(app_key().len(), 32);
}
