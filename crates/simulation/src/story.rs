//! What people do in stories: signing up, meeting, linking, talking.

use crate::world::{Who, World};
use crate::{Answer, Ask, screen, transfers};
use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use comity_client::{Command, ConversationView, Event, GroupDetails, Permissions, Say, What, Whom};
use comity_wire::Address;
use std::collections::BTreeMap;

/// What a person waits for the hub at most.
const PATIENCE_MS: u64 = 120_000;

impl World {
    /// Runs until the device told something that fits, from its `from`th event on.
    ///
    /// # Errors
    /// When it does not in two minutes.
    pub fn wait_for<T>(
        &mut self,
        who: Who,
        from: usize,
        fits: impl Fn(&Event) -> Option<T>,
    ) -> Result<T> {
        let find = |world: &Self| world.events(who).iter().skip(from).find_map(&fits);
        self.run_until(PATIENCE_MS, |world| find(world).is_some());
        let name = self.name(who).to_owned();
        find(self)
            .with_context(|| format!("{name} waits in vain; last: {:?}", self.events(who).last()))
    }

    /// A person with an account and one device.
    ///
    /// # Errors
    /// When signing up does not work.
    pub fn sign_up(&mut self, name: &str) -> Result<Who> {
        let who = self.device(name)?;
        let number = format!("+49301{:06}", 100_000 + who.0);
        self.act(
            who,
            Command::StartRegistration {
                number: number.clone(),
                country: None,
            },
        )?;
        self.wait_for(who, 0, |event| {
            matches!(event, Event::CodeSent { .. }).then_some(())
        })?;
        let code = self.code(&number).context("no code was sent")?;
        let name = name.to_owned();
        self.act(who, Command::EnterCode { code, name })?;
        self.wait_for(who, 0, |event| {
            matches!(event, Event::Ready { .. }).then_some(())
        })?;
        self.wait_for(who, 0, |event| matches!(event, Event::Online).then_some(()))?;
        Ok(who)
    }

    /// Another device of `owner`'s account.
    ///
    /// # Errors
    /// When linking does not work.
    pub fn link(&mut self, owner: Who, name: &str) -> Result<Who> {
        let who = self.device(name)?;
        let device_name = name.to_owned();
        self.act(who, Command::StartLink { device_name })?;
        let code = self.wait_for(who, 0, |event| match event {
            Event::LinkCode { code, .. } => Some(code.clone()),
            _ => None,
        })?;
        self.act(owner, Command::ApproveLink { code })?;
        self.wait_for(who, 0, |event| {
            matches!(event, Event::Ready { .. }).then_some(())
        })?;
        self.wait_for(who, 0, |event| matches!(event, Event::Online).then_some(()))?;
        Ok(who)
    }

    /// The address of the device's account.
    ///
    /// # Errors
    /// When it has none.
    pub fn address(&self, who: Who) -> Result<Address> {
        let account = self.core(who)?.account()?.context("not signed up")?;
        Ok(account.address)
    }

    /// The number of the device's account.
    ///
    /// # Errors
    /// When it has none.
    pub fn number(&self, who: Who) -> Result<String> {
        Ok(self.core(who)?.account()?.context("not signed up")?.number)
    }

    /// `from` looks `to` up by number and gets their address.
    ///
    /// # Errors
    /// When the look-up does not work.
    pub fn look_up(&mut self, from: Who, to: Who) -> Result<Address> {
        let number = self.number(to)?;
        let before = self.events(from).len();
        let country = None;
        self.act(from, Command::Lookup { number, country })?;
        self.wait_for(from, before, |event| match event {
            Event::Found { contact } => Some(contact.address.clone()),
            _ => None,
        })
    }

    /// `from` introduces themselves with a text, `to` accepts, and all comes to rest.
    ///
    /// # Errors
    /// When it does not work.
    pub fn befriend(&mut self, from: Who, to: Who) -> Result<()> {
        let address = self.look_up(from, to)?;
        let before = self.events(to).len();
        let text = format!("Hello, this is {}.", self.name(from));
        self.act(from, say(Whom::Person(address), What::Text(text)))?;
        let asks = self.wait_for(to, before, |event| match event {
            Event::Request { request } => Some(request.address.clone()),
            _ => None,
        })?;
        self.act(to, Command::Accept(asks))?;
        self.settle()
    }

    /// `who` makes an invitation link to a group.
    ///
    /// # Errors
    /// When none is made.
    pub fn invitation(&mut self, who: Who, conversation: i64) -> Result<String> {
        let before = self.events(who).len();
        self.act(who, Command::MakeInvitation { conversation })?;
        self.wait_for(who, before, |event| match event {
            Event::Invitation { link, .. } => Some(link.clone()),
            _ => None,
        })
    }

    /// The device's person asks the hub for what its program would not ask for: by another program
    /// that has the device's token.
    ///
    /// # Errors
    /// When the device has none yet, or does not reach the hub.
    pub fn ask(
        &mut self,
        who: Who,
        method: http::Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Answer> {
        let device = self.sim.devices.get(who.0).context("no such device")?;
        let token = device.token.clone().context("not signed in yet")?;
        let json = [("content-type", "application/json".to_owned())];
        let ask = Ask {
            method,
            path: path.to_owned(),
            headers: transfers::headers(Some(&token), if body.is_empty() { &[] } else { &json }),
            body: Bytes::from(body),
        };
        let way = self.sim.way(who.0);
        let answer = self.runtime.block_on(way.call(ask));
        answer.map_err(|_| anyhow!("the hub was not reached"))
    }

    /// Says something to a person.
    ///
    /// # Errors
    /// When the core refuses it.
    pub fn say(&mut self, from: Who, to: Who, text: &str) -> Result<Vec<Event>> {
        let address = self.address(to)?;
        self.act(
            from,
            say(Whom::Person(address), What::Text(text.to_owned())),
        )
    }

    /// The conversation with a person.
    ///
    /// # Errors
    /// When there is none.
    pub fn conversation(&self, who: Who, with: Who) -> Result<ConversationView> {
        let address = self.address(with)?;
        let all = self.core(who)?.conversations()?;
        all.into_iter()
            .find(|view| view.peer.as_ref() == Some(&address))
            .with_context(|| {
                format!(
                    "{} has no conversation with {}",
                    self.name(who),
                    self.name(with)
                )
            })
    }

    /// The chat with a person as `who` sees it: a line a message.
    ///
    /// # Errors
    /// When there is none.
    pub fn chat(&self, who: Who, with: Who) -> Result<String> {
        let view = self.conversation(who, with)?;
        self.chat_of(who, view.conversation)
    }

    /// A conversation by its local id, as `who` sees it.
    ///
    /// # Errors
    /// When it can not be read.
    pub fn chat_of(&self, who: Who, conversation: i64) -> Result<String> {
        let core = self.core(who)?;
        let names: BTreeMap<Address, String> = core
            .contacts()?
            .into_iter()
            .map(|contact| (contact.address, contact.name))
            .collect();
        let name = |address: &Address| {
            let name = names.get(address).filter(|name| !name.is_empty());
            name.cloned().unwrap_or_else(|| "someone".to_owned())
        };
        let mut text = String::new();
        for item in core.timeline(conversation, None, 10_000)? {
            text.push_str(&screen::line(&item, &name));
            text.push('\n');
        }
        Ok(text)
    }

    /// Codes of the warnings that the device has given so far, in order.
    #[must_use]
    pub fn warnings(&self, who: Who) -> Vec<String> {
        let events = self.events(who).iter();
        events
            .filter_map(|event| match event {
                Event::Warning { code, .. } => Some(code.clone()),
                _ => None,
            })
            .collect()
    }

    /// Fails when a step failed that should not have.
    ///
    /// # Errors
    /// With what went wrong.
    pub fn nothing_is_wrong(&self) -> Result<()> {
        match self.wrong() {
            [] => Ok(()),
            wrong => bail!("{}", wrong.join("; ")),
        }
    }
}

/// A command that makes a group of this name.
#[must_use]
pub fn group_of(name: &str, members: Vec<Address>, permissions: Permissions) -> Command {
    let details = GroupDetails {
        name: Some(name.to_owned()),
        ..GroupDetails::default()
    };
    Command::CreateGroup {
        details,
        members,
        permissions,
    }
}

/// A command that says something.
#[must_use]
pub fn say(to: Whom, what: What) -> Command {
    Command::Send(Say {
        to,
        quote: None,
        id: None,
        mentions: Vec::new(),
        what,
    })
}
