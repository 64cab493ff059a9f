//! Snapshots of groups for a screen.

use crate::{Core, CoreError};
use comity_content::Message as _;
use comity_content::proto::{GroupState, SignedGroupState};
use comity_e2ee::invitation::Invitation;
use comity_membership::Permissions;
use comity_wire::{Address, ConversationId, Id16};
use rusqlite::Connection;
use serde::Serialize;

/// What a group is besides its members.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct GroupView {
    /// What it is about.
    pub description: String,
    /// Names its picture, where it has one; another picture has another name.
    pub photo: Option<String>,
    /// Accounts in it.
    pub people: u32,
    /// Devices in it.
    pub devices: u32,
    /// The own account acts as an admin.
    pub admin: bool,
    /// What members may do who are no admins.
    pub permissions: PermissionsView,
    /// The invitation link, where there is one and this device knows it.
    pub link: Option<String>,
    /// The own account leaves; somebody has yet to commit it.
    pub leaving: bool,
    /// Who joined from outside can not read name, description, picture and timer before a member
    /// who knows them was there: until then nothing is known of them.
    pub details_arriving: bool,
}

/// Permissions of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
pub struct PermissionsView {
    /// Members add people.
    pub members_add: bool,
    /// Members change name, description, picture and timer.
    pub members_edit: bool,
    /// Only admins say something.
    pub only_admins_speak: bool,
    /// Who joins gets earlier messages.
    pub history_for_new: bool,
}

/// Somebody in a group.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct MemberView {
    /// Who.
    pub address: Address,
    /// Their name, where it is known here.
    pub name: String,
    /// Their number, where it is known here.
    pub number: String,
    /// Acts as an admin.
    pub admin: bool,
    /// The own account.
    pub own: bool,
    /// Devices of theirs in the group.
    pub devices: u32,
}

pub(crate) fn group(
    conn: &Connection,
    conversation: i64,
    own: &str,
) -> Result<GroupView, CoreError> {
    let (hub, cid, description, details, flags, link_key, leaving, is_in) = conn
        .prepare_cached(
            "SELECT hub, cid, description, details, permissions, link_key, leaving, state IN ('active', 'rejoining')
             FROM conversation WHERE id = ?1",
        )?
        .query_row([conversation], |row| {
            Ok((
                row.get::<_, Option<String>>(0)?,
                row.get::<_, Option<Vec<u8>>>(1)?,
                row.get(2)?,
                row.get::<_, Option<Vec<u8>>>(3)?,
                row.get::<_, u32>(4)?,
                row.get::<_, Option<Vec<u8>>>(5)?,
                row.get(6)?,
                row.get::<_, bool>(7)?,
            ))
        })?;
    let (people, devices, admin) = conn
        .prepare_cached(
            "SELECT count(DISTINCT address), count(*), coalesce(max(admin AND address = ?2), 0)
             FROM member WHERE conversation = ?1",
        )?
        .query_row((conversation, own), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let details_arriving = is_in && details.is_none();
    let state = details
        .and_then(|bytes| SignedGroupState::decode(bytes.as_slice()).ok())
        .and_then(|signed| GroupState::decode(signed.state.as_slice()).ok())
        .unwrap_or_default();
    let id = hub
        .zip(cid)
        .and_then(|(hub, cid)| Some((hub.parse().ok()?, Id16::from_slice(&cid).ok()?)));
    let link = id
        .and_then(|(hub, id)| Invitation::of_seed(ConversationId::new(hub, id), &state.link_seed))
        .filter(|link| link_key.as_deref() == Some(&link.public_key()[..]))
        .map(|link| link.to_string());
    let permissions = Permissions::of_flags(flags).unwrap_or_default();
    Ok(GroupView {
        description,
        photo: state.photo.as_ref().and_then(crate::views::picture),
        people,
        devices,
        admin,
        permissions: PermissionsView {
            members_add: permissions.members_add,
            members_edit: permissions.members_edit,
            only_admins_speak: permissions.only_admins_speak,
            history_for_new: permissions.history_for_new,
        },
        link,
        leaving,
        details_arriving,
    })
}

impl Core {
    /// Who is in a conversation, the own account first, then admins, by name.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn group_members(&self, conversation: i64) -> Result<Vec<MemberView>, CoreError> {
        let own = crate::account::Me::load_address(self.store())?;
        let mut statement = self.store().prepare_cached(
            "SELECT m.address, coalesce(c.name, ''), coalesce(c.alias, ''), max(m.admin), m.address = ?2, count(*)
             FROM member m LEFT JOIN contact c ON c.address = m.address WHERE m.conversation = ?1
             GROUP BY m.address ORDER BY m.address <> ?2, max(m.admin) DESC, 2, 3, 1",
        )?;
        let mut rows = statement.query((conversation, own))?;
        let mut members = Vec::new();
        while let Some(row) = rows.next()? {
            members.push(MemberView {
                address: row
                    .get::<_, String>(0)?
                    .parse()
                    .map_err(|_| CoreError::Damaged("member"))?,
                name: row.get(1)?,
                number: row.get(2)?,
                admin: row.get(3)?,
                own: row.get(4)?,
                devices: row.get(5)?,
            });
        }
        Ok(members)
    }
}
