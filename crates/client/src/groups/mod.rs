//! Groups: what a person wants of one, kept as wishes until it is so.
//!
//! A wish is weighed anew before each commit: against the group as it is then, and the rules. Any
//! number of wishes share a commit. Always holds: a wish ends by being so, or by a
//! [`Event::Failed`] that says why not. Deliberately absent: how a commit is made and rebased
//! (`conversations::intents`), and the sealed state (`details`).

pub(crate) mod changes;
mod details;
mod goal;
mod leaving;
mod links;
mod rights;
mod room;
pub(crate) mod views;
mod wishes;

pub(crate) use changes::Before;
pub(crate) use goal::{Goal, permissions_of};
pub(crate) use wishes::Wish;

use crate::conversations::{Conversation, State};
use crate::input::GroupDetails;
use crate::output::Source;
use crate::step::Step;
use crate::{Command, CoreError, names};
use comity_content::Message as _;
use comity_content::proto::{Attachment, AttachmentKind, GroupState};
use comity_e2ee::group_state;
use comity_membership::rules::{acts_as_admin, may_add, may_edit_details, may_speak};
use comity_membership::{Context, Member, Permissions};
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, ConversationId, DeviceId, Id16, limits};

/// People that one act may name.
const PEOPLE_MAX: usize = limits::CONVERSATION_DEVICES_MAX;
/// Devices of a group in which profiles are shared at once when somebody comes.
const INTRODUCED_MAX: usize = 32;
/// The largest picture of a group.
const PHOTO_BYTES_MAX: u64 = 1024 * 1024;

impl Step<'_> {
    /// A person's act about a group.
    pub(crate) fn group_command(&mut self, command: Command) -> Result<(), CoreError> {
        match command {
            Command::CreateGroup {
                details,
                members,
                permissions,
            } => self.create_group(details, members, permissions),
            Command::AddMembers {
                conversation,
                members,
            } => self.add_members(conversation, members),
            Command::RemoveMember {
                conversation,
                member,
            } => self.remove_member(conversation, &member),
            Command::SetRole {
                conversation,
                member,
                admin,
            } => self.set_role(conversation, &member, admin),
            Command::SetPermissions {
                conversation,
                permissions,
            } => self.set_permissions(conversation, permissions),
            Command::SetGroupDetails {
                conversation,
                details,
            } => self.set_group_details(conversation, details),
            Command::SetGroupPhoto {
                conversation,
                path,
                size,
                media_type,
            } => self.set_group_photo(conversation, path, size, media_type),
            Command::SaveGroupPhoto { conversation, path } => {
                self.save_group_photo(conversation, path)
            }
            Command::MakeInvitation { conversation } => self.make_invitation(conversation),
            Command::RevokeInvitation { conversation } => self.revoke_invitation(conversation),
            Command::JoinByInvitation { link } => self.join_by_invitation(&link),
            Command::LeaveGroup { conversation } => self.leave_group(conversation),
            // Everything else is no act about a group: `Step::command` takes it.
            _ => Ok(()),
        }
    }

    fn create_group(
        &mut self,
        details: GroupDetails,
        members: Vec<Address>,
        permissions: Permissions,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let state = GroupState {
            name: details.name.unwrap_or_default().trim().to_owned(),
            description: details.description.unwrap_or_default(),
            expires_after_s: details.expires_after_s.unwrap_or_default(),
            version: 1,
            changed_ms: self.now,
            ..GroupState::default()
        };
        if names::is_blank(&state.name) {
            return Err(CoreError::Refused("a group has a name".into()));
        }
        check_state(&state)?;
        self.must_be_contacts(&members)?;
        let id = ConversationId::new(me.address.app.clone(), Id16::random(self.random));
        let group = self.insert_conversation(
            Some(&id),
            ConversationKind::Group.into(),
            None,
            State::Creating,
        )?;
        let document = group_state::sign(&me.keys, &me.address, &id, &state);
        self.keep_details(group.id, &document, &state)?;
        self.group_notice(group.id, &me.address, "group_created")?;
        for member in members.iter().filter(|member| **member != me.address) {
            self.wish(group.id, "add", Some(member), &[])?;
        }
        if permissions != Permissions::default() {
            let flags = permissions.to_flags().to_be_bytes();
            self.wish(group.id, "permissions", None, &flags)?;
        }
        self.want(group.id, "create", 0)
    }

    /// People who agreed to talk: others are invited by a link.
    fn must_be_contacts(&self, members: &[Address]) -> Result<(), CoreError> {
        if members.len() > PEOPLE_MAX {
            return Err(CoreError::Refused(format!(
                "a group has at most {PEOPLE_MAX} devices"
            )));
        }
        let me = self.me()?;
        for member in members {
            if *member != me.address && !self.is_accepted(member)? {
                return Err(CoreError::Refused(
                    "only people who agreed to talk can be added: send others the group's invitation link".into(),
                ));
            }
            if self.is_blocked(member)? {
                return Err(CoreError::Refused(
                    "this person is blocked: unblock them first".into(),
                ));
            }
        }
        Ok(())
    }

    /// A group that something can be wished of.
    pub(super) fn group(&self, conversation: i64) -> Result<Conversation, CoreError> {
        let group = self.conversation(conversation)?;
        if group.kind != ConversationKind::Group as i32 {
            return Err(CoreError::Refused("this is not a group".into()));
        }
        match group.state {
            State::Left => Err(CoreError::Refused(
                "this device is no longer in the group".into(),
            )),
            State::Refused => Err(CoreError::Refused(
                "the app changed this group against its rules: nothing is sent".into(),
            )),
            _ => Ok(group),
        }
    }

    /// Context and members as this device knows them; absent while it is not in the group.
    pub(crate) fn group_now(
        &mut self,
        group: &Conversation,
    ) -> Result<Option<(Context, Vec<Member>)>, CoreError> {
        let me = self.me()?;
        let Some(id) = &group.conversation else {
            return Ok(None);
        };
        let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
        if !mls.has(id)? {
            return Ok(None);
        }
        Ok(Some((mls.context(id)?, mls.members(id)?)))
    }

    /// Refuses at once what the rules will not allow, as far as is known now.
    pub(super) fn must_be_allowed(
        &mut self,
        group: &Conversation,
        allowed: impl Fn(&Context, &[Member], &Address) -> bool,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        match self.group_now(group)? {
            Some((context, members)) if !allowed(&context, &members, &me.address) => Err(
                CoreError::Refused("only an admin of the group may do this".into()),
            ),
            _ => Ok(()),
        }
    }

    fn add_members(&mut self, conversation: i64, members: Vec<Address>) -> Result<(), CoreError> {
        let group = self.group(conversation)?;
        self.must_be_allowed(&group, may_add)?;
        self.must_be_contacts(&members)?;
        for member in members {
            self.wish(group.id, "add", Some(&member), &[])?;
        }
        self.want(group.id, "reconcile", 0)
    }

    fn remove_member(&mut self, conversation: i64, member: &Address) -> Result<(), CoreError> {
        let group = self.group(conversation)?;
        if *member == self.me()?.address {
            return Err(CoreError::Refused(
                "to go oneself is to leave the group".into(),
            ));
        }
        self.must_be_allowed(&group, acts_as_admin)?;
        self.must_be_member(&group, member)?;
        self.wish(group.id, "remove", Some(member), &[])?;
        self.want(group.id, "reconcile", 0)
    }

    fn must_be_member(&self, group: &Conversation, member: &Address) -> Result<(), CoreError> {
        let here = self.members(group.id)?;
        if here.iter().any(|(_, address)| address == member) {
            Ok(())
        } else {
            Err(CoreError::NoSuch("member of the group"))
        }
    }

    fn set_role(
        &mut self,
        conversation: i64,
        member: &Address,
        admin: bool,
    ) -> Result<(), CoreError> {
        let group = self.group(conversation)?;
        self.must_be_allowed(&group, acts_as_admin)?;
        self.must_be_member(&group, member)?;
        if !admin
            && let Some((context, members)) = self.group_now(&group)?
            && !members
                .iter()
                .any(|one| one.address != *member && context.is_admin(&one.address))
        {
            return Err(CoreError::Refused(
                "a group has an admin: name another one first".into(),
            ));
        }
        let kind = if admin { "admin" } else { "member" };
        self.wish(group.id, kind, Some(member), &[])?;
        self.want(group.id, "reconcile", 0)
    }

    fn set_permissions(
        &mut self,
        conversation: i64,
        permissions: Permissions,
    ) -> Result<(), CoreError> {
        let group = self.group(conversation)?;
        self.must_be_allowed(&group, acts_as_admin)?;
        let flags = permissions.to_flags().to_be_bytes();
        self.wish(group.id, "permissions", None, &flags)?;
        self.want(group.id, "reconcile", 0)
    }

    fn set_group_details(
        &mut self,
        conversation: i64,
        details: GroupDetails,
    ) -> Result<(), CoreError> {
        let row = self.conversation(conversation)?;
        if row.kind == ConversationKind::Group as i32 {
            self.group(conversation)?;
        } else if details.name.is_some()
            || details.description.is_some()
            || row.kind != ConversationKind::Direct as i32
        {
            return Err(CoreError::Refused("this is not a group".into()));
        }
        if !matches!(row.state, State::Active | State::Creating) {
            return Err(CoreError::Refused(
                "the conversation has not begun on this device".into(),
            ));
        }
        self.must_be_allowed(&row, may_edit_details)?;
        check_state(&GroupState {
            name: details.name.clone().unwrap_or_default(),
            description: details.description.clone().unwrap_or_default(),
            expires_after_s: details.expires_after_s.unwrap_or_default(),
            ..GroupState::default()
        })?;
        if let Some(name) = details.name {
            let name = name.trim();
            if names::is_blank(name) {
                return Err(CoreError::Refused("a group has a name".into()));
            }
            self.wish(row.id, "name", None, name.as_bytes())?;
        }
        if let Some(description) = details.description {
            self.wish(row.id, "description", None, description.as_bytes())?;
        }
        if let Some(timer) = details.expires_after_s {
            self.wish(row.id, "timer", None, &timer.to_be_bytes())?;
        }
        self.want(row.id, "details", 0)
    }

    /// A picture of the group: sealed like any attachment, its key in the sealed state.
    fn set_group_photo(
        &mut self,
        conversation: i64,
        path: Option<String>,
        size: u64,
        media_type: String,
    ) -> Result<(), CoreError> {
        let group = self.group(conversation)?;
        self.must_be_allowed(&group, may_edit_details)?;
        let Some(path) = path else {
            self.wish(group.id, "photo", None, &[])?;
            return self.want(group.id, "details", 0);
        };
        if size > PHOTO_BYTES_MAX || !media_type.starts_with("image/") {
            return Err(CoreError::Refused(
                "a photo is a picture of at most 1 MiB".into(),
            ));
        }
        let attachment = Attachment {
            kind: AttachmentKind::Image.into(),
            media_type,
            size,
            ..Attachment::default()
        };
        let source = Source::File(path);
        self.start_upload("group_photo", Some(group.id), None, source, attachment)
    }

    /// The picture is up.
    pub(crate) fn group_photo_uploaded(
        &mut self,
        conversation: i64,
        photo: &Attachment,
    ) -> Result<(), CoreError> {
        self.note_lease(&photo.blob, false)?;
        self.wish(conversation, "photo", None, &photo.encode_to_vec())?;
        self.want(conversation, "details", 0)
    }

    fn save_group_photo(&mut self, conversation: i64, path: String) -> Result<(), CoreError> {
        let group = self.conversation(conversation)?;
        let photo = self
            .group_photo(group.id)?
            .ok_or(CoreError::NoSuch("picture of the group"))?;
        self.start_download("file", Some(group.id), None, Some(path), &photo)?;
        Ok(())
    }

    /// Added by somebody: the line that the group's timeline begins with.
    pub(crate) fn tell_added(
        &mut self,
        group: &Conversation,
        by: &Member,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        if group.kind != ConversationKind::Group as i32 || by.address == me.address {
            return Ok(());
        }
        self.expect_history(group)?;
        self.group_notice(group.id, &by.address, &format!("added:{}", me.address))?;
        if self.is_blocked(&by.address)? {
            // Who is blocked pulls nobody anywhere.
            return self.leave_group(group.id);
        }
        self.introduce_to(group)
    }

    /// Gives the others the key to the own profile, for who is new: at once in a small group, with
    /// the next word in a large one.
    pub(crate) fn introduce_to(&mut self, group: &Conversation) -> Result<(), CoreError> {
        if self.introduces_at_once(group)? {
            return self.share_profile(group);
        }
        self.tx.execute(
            "UPDATE conversation SET profile_due = 1 WHERE id = ?1",
            [group.id],
        )?;
        Ok(())
    }

    /// The group is small enough that all hear at once who this account is, and it may say so.
    pub(crate) fn introduces_at_once(&mut self, group: &Conversation) -> Result<bool, CoreError> {
        Ok(self.members(group.id)?.len() <= INTRODUCED_MAX && self.may_say(group)?)
    }

    /// Before a word goes out: who came since may not have the key to the own profile.
    pub(crate) fn introduce_before_word(&mut self, conversation: i64) -> Result<(), CoreError> {
        let due = self.tx.execute(
            "UPDATE conversation SET profile_due = 0 WHERE id = ?1 AND profile_due = 1",
            [conversation],
        )?;
        if due == 0 {
            return Ok(());
        }
        let conversation = self.conversation(conversation)?;
        self.share_profile(&conversation)
    }

    /// Whether this account may say something there.
    pub(crate) fn may_say(&mut self, conversation: &Conversation) -> Result<bool, CoreError> {
        if conversation.kind != ConversationKind::Group as i32 {
            return Ok(true);
        }
        let me = self.me()?;
        Ok(self
            .group_now(conversation)?
            .is_none_or(|(context, members)| may_speak(&context, &members, &me.address)))
    }

    /// A line that says what happened to a group.
    pub(crate) fn group_notice(
        &mut self,
        conversation: i64,
        who: &Address,
        what: &str,
    ) -> Result<(), CoreError> {
        self.insert_notice(conversation, who, &DeviceId::new([0; 16]), what)?;
        Ok(())
    }
}

fn check_state(state: &GroupState) -> Result<(), CoreError> {
    if state.expires_after_s > group_state::TIMER_S_MAX {
        return Err(CoreError::Refused(
            "messages vanish after a year at the latest".into(),
        ));
    }
    group_state::fits(state).map_err(|_| {
        CoreError::Refused(format!(
            "a name has at most {} characters, a description {}",
            group_state::NAME_CHARS_MAX,
            group_state::DESCRIPTION_CHARS_MAX
        ))
    })
}
