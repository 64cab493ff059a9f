//! Whose a group is when its last admin goes: somebody who stays, named by the commit that takes the
//! admin out. A stranger who comes by the link later, into whichever leaf is free, is no admin.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use comity_membership::rules::{acts_as_admin, check, heir};
use comity_membership::{Change, CommitHeader, Committer, Context, Member, Refusal, Role};
use comity_wire::proto::ConversationKind;
use comity_wire::{AccountId, Address, ConversationId, DeviceId, Id16};

fn member(leaf: u32, account: u8) -> Member {
    let app = "chat.example".parse().unwrap();
    Member {
        leaf,
        address: Address::new(app, AccountId::new([account; 16])),
        device: DeviceId::new([leaf as u8; 16]),
        signature_key: vec![leaf as u8; 32],
    }
}

/// Ana, who is the admin, at leaf 0; then Ben with two devices, and Cleo.
fn choir() -> (Vec<Member>, Context) {
    let members = vec![member(0, 1), member(1, 2), member(2, 2), member(3, 3)];
    let id = ConversationId::new("chat.example".parse().unwrap(), Id16::new([3; 16]));
    let roles = [(members[0].address.clone(), Role::Admin)].into();
    let context = Context::new(id, ConversationKind::Group, &[5; 32], roles);
    (members, context)
}

/// Cleo commits what the app proposed: Ana goes.
fn without_ana(members: &[Member], after: Option<Context>) -> Change {
    Change {
        committer: Committer::Member(members[3].clone()),
        added: Vec::new(),
        removed: vec![members[0].clone()],
        updated: Vec::new(),
        removed_by_app: vec![0],
        context_after: after,
        header: CommitHeader::default(),
        epoch_after: 2,
    }
}

fn judged(members: &[Member], context: &Context, after: Option<Context>) -> Result<(), Refusal> {
    check(&without_ana(members, after), members, context, &|_| None)
}

#[test]
fn who_takes_the_last_admin_out_names_the_one_of_the_lowest_leaf() {
    let (members, context) = choir();
    let ben = &members[1].address;
    let cleo = &members[3].address;
    assert_eq!(
        heir(&context, &members, &|leaf| leaf == 0).as_ref(),
        Some(ben)
    );
    assert_eq!(
        judged(&members, &context, Some(context.with_admin(ben))),
        Ok(())
    );
    assert_eq!(judged(&members, &context, None), Err(Refusal::NoHeir));
    // Nobody names oneself, or more than that.
    assert_eq!(
        judged(&members, &context, Some(context.with_admin(cleo))),
        Err(Refusal::NotAdmin)
    );
    let mut more = context.with_admin(ben);
    more.permissions.members_add = true;
    assert_eq!(
        judged(&members, &context, Some(more)),
        Err(Refusal::NotAdmin)
    );
}

#[test]
fn there_is_no_heir_while_an_admin_stays_or_when_nobody_does() {
    let (members, context) = choir();
    assert_eq!(heir(&context, &members, &|leaf| leaf == 1), None);
    assert_eq!(heir(&context, &members, &|_| true), None);
    let two = context.with_admin(&members[1].address);
    // One of Ben's devices is enough.
    assert_eq!(heir(&two, &members, &|leaf| leaf < 2), None);
    assert_eq!(judged(&members, &two, None), Ok(()));
}

#[test]
fn a_stranger_in_the_leaf_of_the_admin_who_went_is_no_admin() {
    let (members, context) = choir();
    let after = context.with_admin(&members[1].address);
    let mut later = members[1..].to_vec();
    later.insert(0, member(0, 9));
    assert!(!acts_as_admin(&after, &later, &later[0].address));
    assert!(acts_as_admin(&after, &later, &members[1].address));
}
