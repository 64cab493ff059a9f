//! Commands about groups while talking. What comes of them is told by the group's own lines.

use super::Talk;
use crate::chat::acts::{myself_or, timer};
use crate::chat::{people, words};
use anyhow::Result;
use comity_client::{Command, Core, GroupDetails, Permissions, Whom};

/// Commands of this module.
pub(super) const COMMANDS: &[&str] = &[
    "create", "group", "add", "remove", "admin", "no-admin", "name", "about", "timer", "link",
    "unlink", "join", "leave",
];

impl Talk<'_> {
    /// One command about groups.
    pub(super) async fn about_groups(&mut self, word: &str, rest: &str) -> Result<()> {
        let command = match word {
            "create" => return self.create(rest).await,
            "join" => Command::JoinByInvitation {
                link: rest.to_owned(),
            },
            _ => {
                let Some(conversation) = self.current().await? else {
                    self.say("— first say which group: /to its name");
                    return Ok(());
                };
                match self.about_group(conversation, word, rest).await? {
                    Some(command) => command,
                    None => return Ok(()),
                }
            }
        };
        self.session.handle.act(command).await.map(|_| ())
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
        let told = self.session.handle.act(command).await?;
        let made = told.iter().find_map(|event| match event {
            comity_client::Event::ConversationChanged { conversation } => Some(*conversation),
            _ => None,
        });
        if let Some(made) = made {
            self.with = Some(Whom::Conversation(made));
            self.say("— now /add NUMBER|NAME, or /link for an invitation");
        }
        Ok(())
    }

    async fn about_group(
        &self,
        conversation: i64,
        word: &str,
        rest: &str,
    ) -> Result<Option<Command>> {
        let details = |details| Command::SetGroupDetails {
            conversation,
            details,
        };
        Ok(Some(match word {
            "add" => Command::AddMembers {
                conversation,
                members: vec![people::person(self.session, rest).await?],
            },
            "remove" => Command::RemoveMember {
                conversation,
                member: people::anyone(self.session, rest).await?,
            },
            "admin" | "no-admin" => Command::SetRole {
                conversation,
                member: myself_or(self.session, rest).await?,
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
            "timer" => details(GroupDetails {
                expires_after_s: Some(timer(rest).map_err(anyhow::Error::msg)?),
                ..GroupDetails::default()
            }),
            "link" => Command::MakeInvitation { conversation },
            "unlink" => Command::RevokeInvitation { conversation },
            "leave" => Command::LeaveGroup { conversation },
            _ => {
                self.show_group(conversation).await?;
                return Ok(None);
            }
        }))
    }

    async fn show_group(&self, conversation: i64) -> Result<()> {
        let all = self.session.query(Core::conversations).await?;
        let members = self
            .session
            .query(move |core| core.group_members(conversation))
            .await?;
        if let Some(view) = all.iter().find(|one| one.conversation == conversation) {
            for line in words::group(view, &members) {
                self.say(&line);
            }
        }
        Ok(())
    }
}
