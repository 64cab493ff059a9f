//! Commands about groups while talking. What comes of them is told by the group's own lines.

use super::{Asked, Talk};
use crate::chat::acts::{invitation_in, picture, timer};
use crate::chat::{people, words};
use anyhow::Result;
use anyhow::bail;
use comity_client::{Command, Core, GroupDetails, GroupView, Permissions, PermissionsView, Whom};
use comity_wire::Address;

/// Commands of this module.
pub(super) const COMMANDS: &[&str] = &[
    "create", "group", "add", "remove", "admin", "no-admin", "name", "about", "timer", "link",
    "unlink", "join", "leave", "allow", "photo",
];

impl Talk<'_> {
    /// One command about groups.
    pub(super) async fn about_groups(&mut self, word: &str, rest: &str) -> Result<()> {
        let command = match word {
            "create" => return self.create(rest).await,
            "join" => return self.join(rest).await,
            _ => {
                let Some(conversation) = self.current().await? else {
                    self.say("— first say which group: /to its name");
                    return Ok(());
                };
                let Some(command) = self.about_group(conversation, word, rest).await? else {
                    return Ok(());
                };
                if let Some(question) = self.question(&command, rest).await? {
                    self.say(&format!("— {question} /yes to do it"));
                    self.asked = Some(Asked::Do(Box::new(command)));
                    return Ok(());
                }
                command
            }
        };
        self.session.handle.act(command).await.map(|_| ())
    }

    /// What is asked first: of what the others see at once, or what nothing brings back.
    async fn question(&self, command: &Command, who: &str) -> Result<Option<String>> {
        Ok(match command {
            Command::RemoveMember { .. } => Some(format!(
                "take {} out of this group? An invitation link is worthless then.",
                words::plain(who)
            )),
            Command::SetRole {
                admin: false,
                member,
                ..
            } if self.is_own(member).await? => Some(
                "give up your own rights here? Only another admin can give them back.".to_owned(),
            ),
            Command::MakeInvitation { conversation } if self.has_link(*conversation).await? => Some(
                "make a new link? The one that there is, which /group shows, is worthless then."
                    .to_owned(),
            ),
            _ => None,
        })
    }

    async fn is_own(&self, address: &Address) -> Result<bool> {
        let account = self.session.query(Core::account).await?;
        Ok(account.is_some_and(|account| account.address == *address))
    }

    async fn group_here(&self, conversation: i64) -> Result<Option<GroupView>> {
        let all = self.session.query(Core::conversations).await?;
        let here = all.into_iter().find(|one| one.conversation == conversation);
        Ok(here.and_then(|one| one.group))
    }

    async fn has_link(&self, conversation: i64) -> Result<bool> {
        let group = self.group_here(conversation).await?;
        Ok(group.is_some_and(|group| group.link.is_some()))
    }

    /// Somebody changed what members may do: what holds now.
    pub(super) async fn say_permissions(&self, conversation: i64) -> Result<()> {
        if let Some(group) = self.group_here(conversation).await? {
            self.say(&words::permissions_now(group.permissions));
        }
        Ok(())
    }

    async fn create(&mut self, name: &str) -> Result<()> {
        let command = Command::CreateGroup {
            details: GroupDetails {
                name: Some(name.to_owned()),
                ..GroupDetails::default()
            },
            members: Vec::new(),
            permissions: Permissions::default(),
        };
        if self.turn_to_new(command).await?.is_some() {
            self.say("— now /add NUMBER|NAME, … or /link for an invitation");
        }
        Ok(())
    }

    /// Joins a group and turns to it; what was said there before stands above what follows.
    async fn join(&mut self, link: &str) -> Result<()> {
        if link.is_empty() {
            self.say(
                "— /join LINK, which begins with comity:group/ or is an address with #join/ in it",
            );
            return Ok(());
        }
        let link = invitation_in(link);
        self.joining = self.turn_to_new(Command::JoinByInvitation { link }).await?;
        Ok(())
    }

    /// The app did not let this account in: what is typed next goes to nobody.
    pub(super) fn not_joined(&mut self) {
        let joining = self.joining.take().map(Whom::Conversation);
        if joining.is_some() && joining == self.with {
            self.with = None;
            self.screen.asks_as("> ");
        }
    }

    /// Gives an act that makes a conversation, and turns to it.
    async fn turn_to_new(&mut self, command: Command) -> Result<Option<i64>> {
        let told = self.session.handle.act(command).await?;
        let made = told.iter().find_map(|event| match event {
            comity_client::Event::ConversationChanged { conversation } => Some(*conversation),
            _ => None,
        });
        if let Some(made) = made {
            self.with = Some(Whom::Conversation(made));
            (self.oldest, self.day) = (None, None);
        }
        Ok(made)
    }

    async fn about_group(
        &mut self,
        conversation: i64,
        word: &str,
        rest: &str,
    ) -> Result<Option<Command>> {
        let details = |details| Command::SetGroupDetails {
            conversation,
            details,
        };
        if rest.is_empty() && matches!(word, "add" | "remove" | "admin" | "no-admin") {
            let more = if word == "add" { ", NAME" } else { "" };
            self.say(&format!("— /{word} NAME{more}; /group shows who is in it"));
            return Ok(None);
        }
        Ok(Some(match word {
            "add" => Command::AddMembers {
                conversation,
                members: self.several(rest).await?,
            },
            "remove" if rest == "me" => {
                self.say("— one leaves a group oneself: /leave");
                return Ok(None);
            }
            "remove" => Command::RemoveMember {
                conversation,
                member: people::member(self.session, conversation, rest).await?,
            },
            "admin" | "no-admin" => Command::SetRole {
                conversation,
                member: people::member(self.session, conversation, rest).await?,
                admin: word == "admin",
            },
            "name" => details(GroupDetails {
                name: Some(rest.to_owned()),
                ..GroupDetails::default()
            }),
            "about" => details(GroupDetails {
                description: Some(rest.to_owned()),
                ..GroupDetails::default()
            }),
            "timer" if rest.is_empty() => {
                let all = self.session.query(Core::conversations).await?;
                let here = all.iter().find(|one| one.conversation == conversation);
                let timer_s = here.map_or(0, |one| one.timer_s);
                self.say(&format!(
                    "— {}; /timer 8h or /timer off sets it",
                    words::timer(timer_s)
                ));
                return Ok(None);
            }
            "timer" => details(GroupDetails {
                expires_after_s: Some(timer(rest).map_err(anyhow::Error::msg)?),
                ..GroupDetails::default()
            }),
            "link" => Command::MakeInvitation { conversation },
            "unlink" => Command::RevokeInvitation { conversation },
            "allow" => return self.allow(conversation, rest).await,
            "photo" if rest.is_empty() => {
                self.say("— /photo PATH of a picture, such as JPEG or PNG, of at most 1 MiB");
                return Ok(None);
            }
            "photo" => {
                let (path, size, media_type) = picture(std::path::Path::new(rest))?;
                Command::SetGroupPhoto {
                    conversation,
                    path: Some(path),
                    size,
                    media_type,
                }
            }
            "leave" => {
                if !self.is_in_group().await? {
                    bail!("only a group can be left; /block is about a person");
                }
                let question = self.ask_to_leave(conversation).await?;
                self.say(&question);
                self.asked = Some(Asked::Leave(conversation));
                return Ok(None);
            }
            _ => {
                self.show_group(conversation).await?;
                return Ok(None);
            }
        }))
    }

    /// People with commas between them. Who has one in their name is meant where all of it names them.
    async fn several(&self, names: &str) -> Result<Vec<Address>> {
        let whole = people::person(self.session, names).await;
        if whole.is_ok() || !names.contains(',') {
            return whole.map(|one| vec![one]);
        }
        let mut found = Vec::new();
        for name in names.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let person = people::person(self.session, name).await?;
            if !found.contains(&person) {
                found.push(person);
            }
        }
        if found.is_empty() {
            bail!("/add NAME, NAME");
        }
        Ok(found)
    }

    /// The question before a group is left: it says who will be its admin then.
    async fn ask_to_leave(&self, conversation: i64) -> Result<String> {
        let heir = self.session.query(move |core| core.heir(conversation));
        let heir = match heir.await? {
            Some(heir) => {
                let names = super::names(self.session).await?;
                let name = words::somebody(&names, &heir);
                format!(" {name} will be its admin (/admin NAME first makes another one).")
            }
            None => String::new(),
        };
        Ok(format!(
            "— leave this group, with all your devices?{heir} /yes to do it"
        ))
    }

    /// What members may do who are no admins: one thing of it set, or shown.
    async fn allow(&self, conversation: i64, rest: &str) -> Result<Option<Command>> {
        let Some(group) = self.group_here(conversation).await? else {
            bail!("this is no group");
        };
        let PermissionsView {
            mut members_add,
            mut members_edit,
            mut only_admins_speak,
            mut history_for_new,
        } = group.permissions;
        let (what, set) = rest.split_once(' ').unwrap_or((rest, ""));
        let (name, set) = match (what, set.trim()) {
            ("members-add", set) => (&mut members_add, set),
            ("members-edit", set) => (&mut members_edit, set),
            ("only-admins-speak", set) => (&mut only_admins_speak, set),
            ("history-for-new", set) => (&mut history_for_new, set),
            _ => (&mut members_add, ""),
        };
        match set {
            "on" => *name = true,
            "off" => *name = false,
            _ => {
                self.say("— /allow members-add|members-edit|only-admins-speak|history-for-new on|off; /group shows what holds");
                return Ok(None);
            }
        }
        let after = PermissionsView {
            members_add,
            members_edit,
            only_admins_speak,
            history_for_new,
        };
        if after == group.permissions {
            self.say("— it is so already");
            return Ok(None);
        }
        Ok(Some(Command::SetPermissions {
            conversation,
            permissions: Permissions {
                members_add,
                members_edit,
                only_admins_speak,
                history_for_new,
            },
        }))
    }

    async fn show_group(&self, conversation: i64) -> Result<()> {
        let all = self.session.query(Core::conversations).await?;
        let members = self
            .session
            .query(move |core| core.group_members(conversation))
            .await?;
        if let Some(view) = all.iter().find(|one| one.conversation == conversation) {
            let names = super::names(self.session).await?;
            for line in words::group(&names, view, &members) {
                self.say(&line);
            }
        }
        Ok(())
    }
}
