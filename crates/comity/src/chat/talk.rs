//! The conversation on the screen: lines typed go to whom one is talking with, what arrives
//! appears above the line being typed.

mod groups;

use super::acts::{names, post};
use super::mentions;
use super::people;
use super::session::Session;
use super::words;
use crate::terminal::say;
use anyhow::Result;
use comity_client::{Command, Core, Event, ItemKind, Say, TimelineItem, What, Whom};
use comity_wire::MessageId;
use rustyline::ExternalPrinter;
use std::io::{BufRead, IsTerminal};
use std::sync::Arc;
use tokio::sync::mpsc;

const HELP: &str = "\
Type a line to send it; @NAME in it mentions a member. Commands:
  /to NUMBER|NAME|me    talk with someone            /list            conversations
  /accept WHO /decline WHO   answer a request        /requests        who asks to talk
  /file PATH [CAPTION]  send a file                  /save PATH       save the newest file
  /react EMOJI          on the newest message        /reply TEXT      quote the newest message
  /edit TEXT /delete    your newest message          /search WORDS
  /forward WHO          the newest message           /info            who read your newest message
  /safety /verify       keys of whom you talk with   /block /report REASON
  /devices  /approve CODE   your devices             /help  /quit
Groups: /create NAME  /join LINK; then, in one:
  /group                who is in it                 /leave
  /add WHO  /remove WHO /admin WHO  /no-admin WHO    /link  /unlink   invitation
  /name TEXT  /about TEXT                            /timer 8h|off    messages vanish";

type Print = Arc<dyn Fn(String) + Send + Sync>;

/// Talks until the input ends.
pub(crate) async fn run(session: &Session) -> Result<()> {
    let (lines, mut input) = mpsc::channel::<String>(16);
    let print = read_lines(lines)?;
    let mut talk = Talk {
        session,
        print,
        with: None,
        told: None,
    };
    let mut events = session.handle.events();
    if session.query(Core::account).await?.is_none() {
        talk.say("Nobody is signed up here. First: comity chat register +49… --name 'Your name', or comity chat link");
        return Ok(());
    }
    talk.say("Everything you say here is end-to-end encrypted. /help shows what you can do.");
    for conversation in session.query(Core::conversations).await? {
        talk.say(&words::conversation(&conversation));
    }
    loop {
        tokio::select! {
            line = input.recv() => {
                let Some(line) = line else { break };
                match talk.typed(line.trim()).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => talk.say(&format!("— {error:#}")),
                }
            }
            event = events.recv() => {
                if let Ok(event) = event {
                    talk.show(event).await?;
                }
            }
        }
    }
    // What was typed last still goes out, if there is a connection.
    if session.query(|core| Ok(core.is_online())).await? {
        let _ = session.flushed().await;
    }
    Ok(())
}

/// Reads lines on a thread of its own; gives the way to print above the line being typed.
fn read_lines(lines: mpsc::Sender<String>) -> Result<Print> {
    if !std::io::stdin().is_terminal() {
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { break };
                if lines.blocking_send(line).is_err() {
                    break;
                }
            }
        });
        return Ok(Arc::new(|line| say(&line)));
    }
    let mut editor = rustyline::DefaultEditor::new()?;
    let printer = std::sync::Mutex::new(editor.create_external_printer()?);
    std::thread::spawn(move || {
        while let Ok(line) = editor.readline("> ") {
            let _ = editor.add_history_entry(&line);
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    Ok(Arc::new(move |line| {
        if let Ok(mut printer) = printer.lock() {
            let _ = printer.print(format!("{line}\n"));
        }
    }))
}

struct Talk<'a> {
    session: &'a Session,
    print: Print,
    with: Option<Whom>,
    /// The receipt that was told last: conversation, entry, read.
    told: Option<(i64, u64, bool)>,
}

impl Talk<'_> {
    fn say(&self, line: &str) {
        (self.print)(line.to_owned());
    }

    /// The local id of whom one is talking with, when there is a conversation.
    async fn current(&self) -> Result<Option<i64>> {
        let Some(with) = self.with.clone() else {
            return Ok(None);
        };
        let found = people::with(self.session, &with).await?;
        Ok(found.map(|conversation| conversation.conversation))
    }

    async fn show(&mut self, event: Event) -> Result<()> {
        let names = names(self.session).await?;
        match &event {
            Event::Item { conversation, item } => {
                let here = self.current().await? == Some(*conversation);
                if item.outgoing && item.seq.is_none() {
                    return Ok(());
                }
                let line = words::line(&names, item);
                self.say(&if here {
                    line
                } else {
                    format!("#{conversation} {line}")
                });
                if here && !item.outgoing {
                    self.session
                        .handle
                        .act(Command::MarkRead {
                            conversation: *conversation,
                        })
                        .await?;
                }
            }
            Event::ItemChanged { item, .. }
                if item.outgoing && !item.edited && !item.deleted && item.reactions.is_empty() =>
            {
                self.say(&words::line(&names, item));
            }
            Event::ItemChanged { item, .. } => self.say(&words::line(&names, item)),
            Event::Receipt {
                conversation,
                address,
                delivered_seq,
                read_seq,
            } => {
                self.receipt(
                    *conversation,
                    &words::name(&names, address),
                    *delivered_seq,
                    *read_seq,
                )
                .await?;
            }
            other => {
                if let Some(line) = words::event(&names, other) {
                    self.say(&line);
                }
            }
        }
        Ok(())
    }

    /// Says once that the newest own line was delivered, and once that it was read.
    async fn receipt(
        &mut self,
        conversation: i64,
        who: &str,
        delivered_seq: u64,
        read_seq: u64,
    ) -> Result<()> {
        if self.current().await? != Some(conversation) {
            return Ok(());
        }
        let own = self
            .newest(conversation, |item| item.outgoing && item.seq.is_some())
            .await?;
        let Some(seq) = own.and_then(|item| item.seq) else {
            return Ok(());
        };
        let read = seq <= read_seq;
        if (!read && seq > delivered_seq)
            || self
                .told
                .is_some_and(|told| told >= (conversation, seq, read))
        {
            return Ok(());
        }
        self.told = Some((conversation, seq, read));
        let what = if read {
            "has read it"
        } else {
            "has it on a device"
        };
        self.say(&format!("— {} {what} ✓✓", words::plain(who)));
        Ok(())
    }

    async fn newest(
        &self,
        conversation: i64,
        want: impl Fn(&TimelineItem) -> bool,
    ) -> Result<Option<TimelineItem>> {
        let items = self
            .session
            .query(move |core| core.timeline(conversation, None, 100))
            .await?;
        Ok(items.into_iter().rev().find(|item| want(item)))
    }

    /// One typed line; false ends the talk.
    async fn typed(&mut self, line: &str) -> Result<bool> {
        if line.is_empty() {
            return Ok(true);
        }
        let Some(command) = line.strip_prefix('/') else {
            self.speak(What::Text(line.to_owned()), None).await?;
            return Ok(true);
        };
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        let rest = rest.trim();
        match word {
            "quit" | "q" => return Ok(false),
            "help" => self.say(HELP),
            "to" => self.turn_to(rest).await?,
            "list" => {
                for conversation in self.session.query(Core::conversations).await? {
                    self.say(&words::conversation(&conversation));
                }
            }
            "requests" => self.requests().await?,
            "accept" => {
                let address = people::person(self.session, rest).await?;
                self.session
                    .handle
                    .act(Command::Accept(address.clone()))
                    .await?;
                self.with = Some(Whom::Person(address));
                self.say("— accepted");
            }
            "decline" => {
                let address = people::person(self.session, rest).await?;
                self.session.handle.act(Command::Decline(address)).await?;
                self.say("— declined; they are not told");
            }
            "file" => self.send_file(rest).await?,
            "search" => self.search(rest).await?,
            "devices" => self.devices().await?,
            _ if groups::COMMANDS.contains(&word) => self.about_groups(word, rest).await?,
            "approve" => {
                self.session
                    .handle
                    .act(Command::ApproveLink {
                        code: rest.to_owned(),
                    })
                    .await?;
            }
            _ => self.about_messages(word, rest).await?,
        }
        Ok(true)
    }

    /// Commands about the conversation one is in.
    async fn about_messages(&mut self, word: &str, rest: &str) -> Result<()> {
        let Some(conversation) = self.current().await? else {
            self.say("— first say with whom: /to +49…");
            return Ok(());
        };
        match word {
            "react" | "reply" | "save" => {
                let Some(item) = self
                    .newest(conversation, |item| {
                        !item.outgoing && (word != "save" || item.attachment.is_some())
                    })
                    .await?
                else {
                    self.say("— there is nothing of theirs yet");
                    return Ok(());
                };
                match word {
                    "react" => {
                        self.speak(
                            What::React {
                                target: item.message,
                                emoji: rest.to_owned(),
                            },
                            None,
                        )
                        .await
                    }
                    "reply" => {
                        self.speak(What::Text(rest.to_owned()), Some(item.message))
                            .await
                    }
                    _ => {
                        let path = std::path::absolute(rest)?.display().to_string();
                        let command = Command::SaveAttachment {
                            conversation,
                            message: item.message,
                            path,
                        };
                        self.session.handle.act(command).await.map(|_| ())
                    }
                }
            }
            "edit" | "delete" => {
                let Some(item) = self
                    .newest(conversation, |item| {
                        item.outgoing
                            && !item.deleted
                            && (word == "delete" || item.kind == ItemKind::Text)
                    })
                    .await?
                else {
                    self.say("— there is nothing of yours yet");
                    return Ok(());
                };
                let what = if word == "edit" {
                    What::Edit {
                        target: item.message,
                        text: rest.to_owned(),
                    }
                } else {
                    What::Delete {
                        target: item.message,
                    }
                };
                self.speak(what, None).await
            }
            "forward" => self.forward(conversation, rest).await,
            "info" => self.info(conversation).await,
            "safety" | "verify" | "block" | "report" => {
                self.about_person(conversation, word, rest).await
            }
            other => {
                self.say(&format!("— no command /{other}; /help shows them"));
                Ok(())
            }
        }
    }

    /// Says the newest text or file again to somebody else.
    async fn forward(&mut self, conversation: i64, to: &str) -> Result<()> {
        let newest = self
            .newest(conversation, |item| {
                !item.deleted && matches!(item.kind, ItemKind::Text | ItemKind::Attachment)
            })
            .await?;
        let Some(item) = newest else {
            self.say("— there is nothing to forward yet");
            return Ok(());
        };
        let say = Say {
            to: people::whom(self.session, to).await?,
            quote: None,
            id: None,
            mentions: Vec::new(),
            what: What::Forward {
                conversation,
                message: item.message,
            },
        };
        post(self.session, say).await?;
        self.say("— forwarded");
        Ok(())
    }

    /// Who has the newest own message, and who read it.
    async fn info(&self, conversation: i64) -> Result<()> {
        let own = self.newest(conversation, |item| item.outgoing).await?;
        let Some(item) = own else {
            self.say("— there is nothing of yours yet");
            return Ok(());
        };
        let info = self
            .session
            .query(move |core| core.info(conversation, &item.message))
            .await?;
        let names = names(self.session).await?;
        for line in words::info(&names, &info) {
            self.say(&line);
        }
        Ok(())
    }

    async fn about_person(&mut self, conversation: i64, word: &str, rest: &str) -> Result<()> {
        let Some(Whom::Person(address)) = self.with.clone() else {
            return Ok(());
        };
        match word {
            "verify" => {
                self.session.handle.act(Command::Verify(address)).await?;
                self.say("— verified");
            }
            "block" => {
                self.session
                    .handle
                    .act(Command::Block {
                        address,
                        blocked: true,
                    })
                    .await?;
            }
            "report" => {
                let theirs = self.newest(conversation, |item| !item.outgoing).await?;
                let messages = theirs.map(|item| vec![item.message]).unwrap_or_default();
                self.session
                    .handle
                    .act(Command::Report {
                        address,
                        messages,
                        reason: rest.to_owned(),
                    })
                    .await?;
            }
            _ => {
                if let Some(contact) = self
                    .session
                    .query(move |core| core.contact(&address))
                    .await?
                {
                    self.say(&contact.safety_number);
                    self.say(if contact.verified {
                        "— verified"
                    } else {
                        "— not yet verified: compare, then /verify"
                    });
                }
            }
        }
        Ok(())
    }

    async fn speak(&mut self, what: What, quote: Option<MessageId>) -> Result<()> {
        let Some(to) = self.with.clone() else {
            self.say("— first say with whom: /to +49…");
            return Ok(());
        };
        let amends = matches!(
            what,
            What::React { .. } | What::Edit { .. } | What::Delete { .. }
        );
        let mentions = match (&what, people::with(self.session, &to).await?) {
            (What::Text(text) | What::Edit { text, .. }, Some(conversation)) => {
                let local = conversation.conversation;
                let members = self
                    .session
                    .query(move |core| core.mentionable(local))
                    .await?;
                mentions::find(text, &members)
            }
            _ => Vec::new(),
        };
        let say = Say {
            to,
            quote,
            id: None,
            mentions,
            what,
        };
        if amends {
            self.session.handle.act(Command::Send(say)).await?;
        } else {
            post(self.session, say).await?;
        }
        Ok(())
    }

    async fn turn_to(&mut self, who: &str) -> Result<()> {
        self.with = Some(people::whom(self.session, who).await?);
        let names = names(self.session).await?;
        let Some(conversation) = self.current().await? else {
            self.say(&format!("— {} is new here: your first line is a request, which they can accept or decline. Their key is as the app says: not yet verified", words::plain(who)));
            return Ok(());
        };
        for item in self
            .session
            .query(move |core| core.timeline(conversation, None, 20))
            .await?
        {
            self.say(&words::line(&names, &item));
        }
        self.session
            .handle
            .act(Command::MarkRead { conversation })
            .await?;
        Ok(())
    }

    async fn requests(&self) -> Result<()> {
        let requests = self.session.query(Core::requests).await?;
        if requests.is_empty() {
            self.say("— nobody asks to talk");
        }
        for request in requests {
            self.say(
                &words::event(&words::Names::new(), &Event::Request { request })
                    .unwrap_or_default(),
            );
        }
        Ok(())
    }

    async fn send_file(&mut self, rest: &str) -> Result<()> {
        let (path, caption) = rest.split_once(' ').unwrap_or((rest, ""));
        let path = std::path::absolute(path)?;
        let size = std::fs::metadata(&path)?.len();
        let file_name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let media_type = mime_guess::from_path(&path)
            .first_or_octet_stream()
            .to_string();
        let what = What::File {
            path: path.display().to_string(),
            file_name,
            media_type,
            size,
            caption: caption.to_owned(),
        };
        self.speak(what, None).await
    }

    async fn search(&self, query: &str) -> Result<()> {
        let query = query.to_owned();
        let names = names(self.session).await?;
        for (conversation, item) in self
            .session
            .query(move |core| core.search(&query, 20))
            .await?
        {
            self.say(&format!("#{conversation} {}", words::line(&names, &item)));
        }
        Ok(())
    }

    async fn devices(&self) -> Result<()> {
        if let Some(account) = self.session.query(Core::account).await? {
            for device in account.devices {
                let this = if device.this { " (this one)" } else { "" };
                self.say(&format!(
                    "{} {}{this}",
                    device.device,
                    words::plain(&device.name)
                ));
            }
        }
        Ok(())
    }
}
