//! Groups: making them, who is in them, what they are called, invitation links.

use super::*;
use comity_client::{ConversationView, GroupDetails, MemberView, Permissions, PermissionsView};
use comity_wire::ErrorCode;
use serde::Serialize;

/// An act about a group.
#[derive(Subcommand)]
pub(crate) enum GroupAct {
    /// Makes a group of which you are the admin.
    GroupCreate {
        /// Its name.
        name: String,
        /// Who is in it: numbers, addresses or names of people who agreed to talk.
        members: Vec<String>,
        /// What it is about.
        #[arg(long)]
        description: Option<String>,
        /// Messages vanish after that time: 30s, 5m, 8h, 7d, 4w.
        #[arg(long, value_parser = timer)]
        timer: Option<u32>,
        #[command(flatten)]
        may: May,
    },
    /// Shows a group and who is in it.
    Group {
        /// The group.
        group: String,
    },
    /// Adds people.
    GroupAdd {
        /// The group.
        group: String,
        /// Who: people who agreed to talk. Others are invited by `group-link`.
        #[arg(required = true)]
        who: Vec<String>,
    },
    /// Takes somebody out.
    GroupRemove {
        /// The group.
        group: String,
        /// Who.
        who: String,
    },
    /// Makes somebody an admin.
    GroupAdmin {
        /// The group.
        group: String,
        /// Who; `me` with `--no-longer`.
        who: String,
        /// No admin any more.
        #[arg(long)]
        no_longer: bool,
    },
    /// Sets what members may do who are no admins; what is not named stays.
    GroupAllow {
        /// The group.
        group: String,
        #[command(flatten)]
        may: May,
    },
    /// Sets name, description, picture and timer of a group, or the timer of a conversation of two.
    GroupSet {
        /// The conversation.
        with: String,
        /// The name.
        #[arg(long)]
        name: Option<String>,
        /// What it is about.
        #[arg(long)]
        description: Option<String>,
        /// Messages vanish after that time: 30s, 5m, 8h, 7d, 4w; `off`: they stay.
        #[arg(long, value_parser = timer)]
        timer: Option<u32>,
        /// A picture, such as JPEG or PNG, of at most 1 MiB.
        #[arg(long, conflicts_with = "no_photo")]
        photo: Option<PathBuf>,
        /// No picture.
        #[arg(long)]
        no_photo: bool,
    },
    /// Saves a group's picture.
    GroupPhoto {
        /// The group.
        group: String,
        /// Where to; must not exist.
        path: PathBuf,
    },
    /// Makes a new invitation link: whoever has it joins by itself. An older link is worthless then.
    GroupLink {
        /// The group.
        group: String,
    },
    /// Makes the invitation link worthless.
    GroupUnlink {
        /// The group.
        group: String,
    },
    /// Joins the group of an invitation link.
    GroupJoin {
        /// The link, comity:group/…, or the address of it that a browser opens.
        link: String,
    },
    /// Leaves a group, with all your devices.
    GroupLeave {
        /// The group.
        group: String,
    },
}

/// What members may do.
#[derive(clap::Args)]
pub(crate) struct May {
    /// Members add people: `true` or `false`.
    #[arg(long)]
    members_add: Option<bool>,
    /// Members change name, description, picture and timer.
    #[arg(long)]
    members_edit: Option<bool>,
    /// Only admins say something.
    #[arg(long)]
    only_admins_speak: Option<bool>,
    /// Who joins gets earlier messages.
    #[arg(long)]
    history_for_new: Option<bool>,
}

impl May {
    fn over(&self, now: PermissionsView) -> Permissions {
        Permissions {
            members_add: self.members_add.unwrap_or(now.members_add),
            members_edit: self.members_edit.unwrap_or(now.members_edit),
            only_admins_speak: self.only_admins_speak.unwrap_or(now.only_admins_speak),
            history_for_new: self.history_for_new.unwrap_or(now.history_for_new),
        }
    }
}

/// A time in words: `30s`, `5m`, `8h`, `7d`, `4w`; `off` is 0. No time at all is none of them: what
/// it would mean differs from act to act.
pub(crate) fn timer(text: &str) -> Result<u32, String> {
    const UNITS: [(char, u32); 5] = [
        ('s', 1),
        ('m', 60),
        ('h', 3_600),
        ('d', 86_400),
        ('w', 604_800),
    ];
    if text == "off" {
        return Ok(0);
    }
    let seconds = UNITS.into_iter().find_map(|(unit, seconds)| {
        let number = text.strip_suffix(unit)?;
        let plain = number.chars().all(|c| c.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| plain)?;
        number.checked_mul(seconds).filter(|all| *all > 0)
    });
    seconds.ok_or_else(|| format!("{text}: a time is 30s, 5m, 8h, 7d, 4w or off"))
}

/// Steps that fail for a group's act.
const STEPS: &[&str] = &[
    "create",
    "add_members",
    "remove_member",
    "set_role",
    "set_permissions",
    "set_group_details",
    "make_invitation",
    "join_by_invitation",
    "leave",
];

/// Steps towards what is wished for that are taken again when the app refused them for now.
const RETRIED: &[&str] = &["reconcile", "details", "rejoin"];

/// A group as an act answers with it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    conversation: ConversationView,
    members: Vec<MemberView>,
    /// It is kept here and done by itself.
    queued: bool,
    waits_for: Option<String>,
}

/// A group of which something was asked for.
pub(super) struct Asked {
    group: i64,
    /// Code for what it waits for: the app refused it for now, it is asked for again by itself.
    waits_for: Option<String>,
}

pub(super) async fn run(session: &Session, act: GroupAct) -> Result<()> {
    session.online().await?;
    match act {
        GroupAct::GroupCreate {
            name,
            members,
            description,
            timer,
            may,
        } => {
            let command = Command::CreateGroup {
                details: GroupDetails {
                    name: Some(name),
                    description,
                    expires_after_s: timer,
                },
                members: people(session, &members).await?,
                permissions: may.over(PermissionsView::default()),
            };
            let group = come_true(session, None, command).await?;
            show_asked(session, group).await
        }
        GroupAct::Group { group } => {
            session.settled().await?;
            let group = people::conversation(session, &group).await?.conversation;
            show(session, group).await
        }
        GroupAct::GroupAdd { group, who } => {
            let members = people(session, &who).await?;
            change(session, &group, |conversation| Command::AddMembers {
                conversation,
                members,
            })
            .await
        }
        GroupAct::GroupRemove { group, who } => {
            let (conversation, member) = member(session, &group, &who).await?;
            let me = session.query(Core::account).await?;
            if me.is_some_and(|me| me.address == member) {
                bail!(Refused::here(
                    "remove_member",
                    "refused",
                    format!(
                        "one leaves a group oneself: {}",
                        session.hint(&format!("group-leave {group}"))
                    )
                ));
            }
            let group = conversation;
            change_it(
                session,
                group,
                Command::RemoveMember {
                    conversation: group,
                    member,
                },
            )
            .await
        }
        GroupAct::GroupAdmin {
            group,
            who,
            no_longer,
        } => {
            let (group, member) = member(session, &group, &who).await?;
            change_it(
                session,
                group,
                Command::SetRole {
                    conversation: group,
                    member,
                    admin: !no_longer,
                },
            )
            .await
        }
        GroupAct::GroupAllow { group, may } => {
            session.settled().await?;
            let now = people::conversation(session, &group).await?.group;
            let permissions = may.over(now.map(|now| now.permissions).unwrap_or_default());
            change(session, &group, |conversation| Command::SetPermissions {
                conversation,
                permissions,
            })
            .await
        }
        GroupAct::GroupSet {
            with,
            name,
            description,
            timer,
            photo,
            no_photo,
        } => {
            let details = GroupDetails {
                name,
                description,
                expires_after_s: timer,
            };
            set(session, &with, details, photo, no_photo).await
        }
        GroupAct::GroupPhoto { group, path } => save_photo(session, &group, path).await,
        GroupAct::GroupLink { group } => {
            change(session, &group, |conversation| Command::MakeInvitation {
                conversation,
            })
            .await
        }
        GroupAct::GroupUnlink { group } => {
            change(session, &group, |conversation| Command::RevokeInvitation {
                conversation,
            })
            .await
        }
        GroupAct::GroupJoin { link } => {
            let link = invitation_in(&link);
            let command = Command::JoinByInvitation { link };
            let group = come_true(session, None, command).await?;
            show_asked(session, group).await
        }
        GroupAct::GroupLeave { group } => {
            change(session, &group, |conversation| Command::LeaveGroup {
                conversation,
            })
            .await
        }
    }
}

/// The invitation link in what was typed or pasted: itself, or in the address that a browser opens. Copied from
/// a narrow screen, it may come in parts.
pub(crate) fn invitation_in(text: &str) -> String {
    const WAY: &str = "/#join/";
    let text: String = text.split_whitespace().collect();
    match text.split_once(WAY) {
        Some((_, part)) if !part.contains(':') => format!("comity:group/{part}"),
        Some((_, whole)) => whole.to_owned(),
        None => text,
    }
}

async fn people(session: &Session, who: &[String]) -> Result<Vec<Address>> {
    let mut found = Vec::new();
    for one in who {
        found.push(people::person(session, one).await?);
    }
    Ok(found)
}

/// A group, and somebody in it.
async fn member(session: &Session, group: &str, who: &str) -> Result<(i64, Address)> {
    session.settled().await?;
    let group = people::conversation(session, group).await?.conversation;
    Ok((group, people::member(session, group, who).await?))
}

/// Catches up, acts on a group, waits until it is so, shows the group.
async fn change(
    session: &Session,
    group: &str,
    command: impl FnOnce(i64) -> Command,
) -> Result<()> {
    session.settled().await?;
    let group = people::conversation(session, group).await?.conversation;
    change_it(session, group, command(group)).await
}

async fn change_it(session: &Session, group: i64, command: Command) -> Result<()> {
    let asked = come_true(session, Some(group), command).await?;
    show_asked(session, asked).await
}

/// Shows the timer of a conversation, or sets it.
pub(super) async fn disappear(session: &Session, with: &str, after_s: Option<u32>) -> Result<()> {
    session.online().await?;
    session.settled().await?;
    let conversation = people::conversation(session, with).await?.conversation;
    let mut waits_for = None;
    if after_s.is_some() {
        let details = GroupDetails {
            expires_after_s: after_s,
            ..GroupDetails::default()
        };
        let command = Command::SetGroupDetails {
            conversation,
            details,
        };
        let asked = come_true(session, Some(conversation), command).await?;
        waits_for = asked.waits_for;
    }
    let timer_s = people::conversation(session, with).await?.timer_s;
    if let Some(code) = &waits_for {
        not_yet(code);
    }
    if session.json {
        let queued = waits_for.is_some();
        say_json(&json!({
            "conversation": conversation, "timer_s": timer_s, "queued": queued, "waits_for": waits_for
        }));
    } else {
        say(&words::timer(timer_s));
    }
    Ok(())
}

async fn set(
    session: &Session,
    with: &str,
    details: GroupDetails,
    photo: Option<PathBuf>,
    no_photo: bool,
) -> Result<()> {
    session.settled().await?;
    let conversation = people::conversation(session, with).await?.conversation;
    let mut asked = Asked {
        group: conversation,
        waits_for: None,
    };
    if details != GroupDetails::default() {
        let command = Command::SetGroupDetails {
            conversation,
            details,
        };
        asked = come_true(session, Some(conversation), command).await?;
    }
    if photo.is_some() || no_photo {
        let (path, size, media_type) = match photo {
            Some(path) => {
                let (path, size, media_type) = picture(&path)?;
                (Some(path), size, media_type)
            }
            None => (None, 0, String::new()),
        };
        let command = Command::SetGroupPhoto {
            conversation,
            path,
            size,
            media_type,
        };
        let photo = come_true(session, Some(conversation), command).await?;
        asked.waits_for = photo.waits_for.or(asked.waits_for);
    }
    show_asked(session, asked).await
}

/// Gives an act about a group and waits until what it asks for is so. Without a group: the one
/// that the act makes or joins.
async fn come_true(session: &Session, group: Option<i64>, command: Command) -> Result<Asked> {
    let leaves = matches!(command, Command::LeaveGroup { .. });
    let (told, mut events) = session.act(command).await?;
    let made = told.iter().find_map(|event| match event {
        Event::ConversationChanged { conversation } => Some(*conversation),
        _ => None,
    });
    let group = group.or(made).context("nothing came of it")?;
    let open = move || session.query(move |core| core.wishes_open(group));
    // Refused for now: it stays asked for, and is asked for again.
    let mut later = None;
    let so = async {
        while open().await? > 0 {
            while let Ok(event) = events.try_recv() {
                let Some(refused) = refusal(event) else {
                    continue;
                };
                if refused.retry_after_ms == 0 || open().await? == 0 {
                    bail!(refused);
                }
                let full = refused.code == ErrorCode::StorageFull.as_str();
                later = Some(refused.code);
                if full {
                    return Ok(());
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        later = None;
        // What ended the wish may be a refusal.
        while let Ok(event) = events.try_recv() {
            match refusal(event) {
                Some(refused) if refused.retry_after_ms == 0 => bail!(refused),
                _ => {}
            }
        }
        Ok(())
    };
    match tokio::time::timeout(session.timeout, so).await {
        Ok(outcome) => outcome?,
        Err(_) if later.is_some() => {}
        Err(_) => bail!(Kept(session.late(
            "group",
            "it is kept and done by itself, do not ask for it again; it was not done"
        ))),
    }
    let waits_for = later;
    if waits_for.is_some() {
        return Ok(Asked { group, waits_for });
    }
    session.settled().await?;
    // Somebody else was faster: what was asked for is not asked for by who is out.
    let all = session.query(Core::conversations).await?;
    let out = |one: &ConversationView| one.conversation == group && one.state == "left";
    if !leaves && all.iter().any(out) {
        bail!(Refused::here(
            "group",
            "refused",
            "you are no longer in this group: somebody took you out before it was done".to_owned()
        ));
    }
    session.flushed().await?;
    Ok(Asked { group, waits_for })
}

/// Why a step of a group's act failed.
fn refusal(event: Event) -> Option<Refused> {
    match event {
        Event::Failed {
            act,
            code,
            message,
            retry_after_ms,
        } if STEPS.contains(&act.as_str())
            || (retry_after_ms > 0 && RETRIED.contains(&act.as_str())) =>
        {
            Some(Refused {
                act,
                code,
                message,
                retry_after_ms,
            })
        }
        _ => None,
    }
}

async fn save_photo(session: &Session, group: &str, path: PathBuf) -> Result<()> {
    session.settled().await?;
    let conversation = people::conversation(session, group).await?.conversation;
    let path = target_path(&path, None)?;
    let command = Command::SaveGroupPhoto {
        conversation,
        path: path.clone(),
    };
    saying::fetched(session, command, path).await
}

fn not_yet(code: &str) {
    complain(&format!(
        "not done yet ({code}): it is kept and done by itself, do not ask for it again"
    ));
}

async fn show(session: &Session, group: i64) -> Result<()> {
    let waits_for = None;
    show_asked(session, Asked { group, waits_for }).await
}

async fn show_asked(session: &Session, asked: Asked) -> Result<()> {
    let conversation = asked.group;
    if let Some(code) = &asked.waits_for {
        not_yet(code);
    }
    let all = session.query(Core::conversations).await?;
    let view = all.into_iter().find(|one| one.conversation == conversation);
    let members = session
        .query(move |core| core.group_members(conversation))
        .await?;
    let shown = Shown {
        conversation: view.context("there is no such group")?,
        members,
        queued: asked.waits_for.is_some(),
        waits_for: asked.waits_for,
    };
    if session.json {
        say_json(&shown);
    } else {
        let names = names(session).await?;
        for line in words::group(&names, &shown.conversation, &shown.members) {
            say(&line);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::timer;

    #[test]
    fn a_time_is_a_number_and_its_unit() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("8h", 28_800), ("4w", 2_419_200)] {
            assert_eq!(timer(text), Ok(seconds), "{text}");
        }
        assert_eq!(timer("off"), Ok(0));
        for wrong in [
            "",
            "5",
            "m",
            "5mm",
            "0s",
            "00h",
            "+5m",
            "-5m",
            "5 m",
            "5M",
            "5m5s",
            "٥m",
            "on",
            "9999999999s",
            "99999999w",
        ] {
            let told = timer(wrong).unwrap_err();
            assert!(
                told.ends_with("a time is 30s, 5m, 8h, 7d, 4w or off"),
                "{told}"
            );
        }
    }
}
