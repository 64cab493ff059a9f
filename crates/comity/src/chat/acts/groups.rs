//! Groups: making them, who is in them, what they are called, invitation links.

use super::*;
use comity_client::{ConversationView, GroupDetails, MemberView, Permissions, PermissionsView};
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
        /// Messages vanish after that time: 30s, 5m, 8h, 7d.
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
        /// Messages vanish after that time: 30s, 5m, 8h, 7d; `off`: they stay.
        #[arg(long, value_parser = timer)]
        timer: Option<u32>,
        /// A small picture.
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
        /// The link, comity:group/…
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

/// A time in words: `30s`, `5m`, `8h`, `7d`, `off`.
pub(crate) fn timer(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text}: a time is 30s, 5m, 8h, 7d or off");
    if text == "off" {
        return Ok(0);
    }
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).ok_or_else(wrong)
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

/// A group as an act answers with it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    conversation: ConversationView,
    members: Vec<MemberView>,
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
            show(session, group).await
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
            let member = people::anyone(session, &who).await?;
            change(session, &group, |conversation| Command::RemoveMember {
                conversation,
                member,
            })
            .await
        }
        GroupAct::GroupAdmin {
            group,
            who,
            no_longer,
        } => {
            let member = myself_or(session, &who).await?;
            change(session, &group, |conversation| Command::SetRole {
                conversation,
                member,
                admin: !no_longer,
            })
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
            let command = Command::JoinByInvitation { link };
            let group = come_true(session, None, command).await?;
            show(session, group).await
        }
        GroupAct::GroupLeave { group } => {
            change(session, &group, |conversation| Command::LeaveGroup {
                conversation,
            })
            .await
        }
    }
}

async fn people(session: &Session, who: &[String]) -> Result<Vec<Address>> {
    let mut found = Vec::new();
    for one in who {
        found.push(people::person(session, one).await?);
    }
    Ok(found)
}

/// A person, or the own account.
pub(crate) async fn myself_or(session: &Session, who: &str) -> Result<Address> {
    if who != "me" {
        return people::anyone(session, who).await;
    }
    let account = session.query(Core::account).await?;
    Ok(account.context("nobody is signed up here")?.address)
}

/// Catches up, acts on a group, waits until it is so, shows the group.
async fn change(
    session: &Session,
    group: &str,
    command: impl FnOnce(i64) -> Command,
) -> Result<()> {
    session.settled().await?;
    let group = people::conversation(session, group).await?.conversation;
    come_true(session, Some(group), command(group)).await?;
    show(session, group).await
}

/// Shows the timer of a conversation, or sets it.
pub(super) async fn disappear(session: &Session, with: &str, after_s: Option<u32>) -> Result<()> {
    session.online().await?;
    session.settled().await?;
    let conversation = people::conversation(session, with).await?.conversation;
    if after_s.is_some() {
        let details = GroupDetails {
            expires_after_s: after_s,
            ..GroupDetails::default()
        };
        let command = Command::SetGroupDetails {
            conversation,
            details,
        };
        come_true(session, Some(conversation), command).await?;
    }
    let timer_s = people::conversation(session, with).await?.timer_s;
    if session.json {
        say_json(&json!({ "conversation": conversation, "timer_s": timer_s }));
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
    if details != GroupDetails::default() {
        let command = Command::SetGroupDetails {
            conversation,
            details,
        };
        come_true(session, Some(conversation), command).await?;
    }
    if photo.is_some() || no_photo {
        let (path, size, media_type) = match photo {
            Some(path) => {
                let media_type = mime_guess::from_path(&path)
                    .first_or_octet_stream()
                    .to_string();
                let (path, _, size) = plain_file(&path)?;
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
        come_true(session, Some(conversation), command).await?;
    }
    show(session, conversation).await
}

/// Gives an act about a group and waits until what it asks for is so. Without a group: the one
/// that the act makes or joins.
async fn come_true(session: &Session, group: Option<i64>, command: Command) -> Result<i64> {
    let (told, mut events) = session.act(command).await?;
    let made = told.iter().find_map(|event| match event {
        Event::ConversationChanged { conversation } => Some(*conversation),
        _ => None,
    });
    let group = group.or(made).context("nothing came of it")?;
    let so = async {
        loop {
            let open = session.query(move |core| core.wishes_open(group)).await?;
            while let Ok(event) = events.try_recv() {
                refused(event)?;
            }
            if open == 0 {
                return anyhow::Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(session.timeout, so).await {
        Ok(outcome) => outcome?,
        Err(_) => bail!("nothing within {} seconds", session.timeout.as_secs()),
    }
    session.settled().await?;
    session.flushed().await?;
    Ok(group)
}

fn refused(event: Event) -> Result<()> {
    match event {
        Event::Failed {
            act,
            code,
            message,
            retry_after_ms,
        } if STEPS.contains(&act.as_str()) => bail!(Refused {
            act,
            code,
            message,
            retry_after_ms
        }),
        _ => Ok(()),
    }
}

async fn save_photo(session: &Session, group: &str, path: PathBuf) -> Result<()> {
    session.settled().await?;
    let conversation = people::conversation(session, group).await?.conversation;
    let path = target_path(&path)?;
    let command = Command::SaveGroupPhoto {
        conversation,
        path: path.clone(),
    };
    saying::fetched(session, command, path).await
}

async fn show(session: &Session, conversation: i64) -> Result<()> {
    let all = session.query(Core::conversations).await?;
    let view = all.into_iter().find(|one| one.conversation == conversation);
    let members = session
        .query(move |core| core.group_members(conversation))
        .await?;
    let shown = Shown {
        conversation: view.context("there is no such group")?,
        members,
    };
    if session.json {
        say_json(&shown);
    } else {
        for line in words::group(&shown.conversation, &shown.members) {
            say(&line);
        }
    }
    Ok(())
}
