//! What passes between a screen and the core: questions, answers, watched views and their changes,
//! events. TypeScript's types are generated from these (`web/src/core/types.ts`).
//!
//! Always holds: every message is JSON; every question is answered once, by its number; a refusal
//! has a stable code. Deliberately absent: how the messages travel (`web/src/core/`), and anything
//! that waits for the network: a question is answered by what is here.

use comity_client::{
    AccountView, Command, ContactView, ConversationView, Event, FileOf, InfoView, MemberView,
    RequestView, TimelineItem, TransferView,
};
use comity_wire::{Address, MessageId, UnixMs};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a tab says to the core, with a number by which it is answered.
#[derive(Debug, Deserialize, TS)]
pub struct Question {
    /// Counted by the tab; the answer carries it.
    pub id: u32,
    /// What is asked.
    pub ask: Ask,
}

/// What a tab can ask. [`answers`] tells the type of each answer.
#[derive(Debug, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// An act of the person; answered when it is stored, not when it is sent.
    Do(Command),
    /// The own account.
    Account,
    /// The number that a code was ordered for, and until when the code is good.
    CodeOrdered,
    /// A person.
    Contact(Address),
    /// Who is in a conversation.
    Members(i64),
    /// The groups that a person is in together with the own account, by local id, newest first.
    GroupsWith(Address),
    /// Who can be mentioned in a conversation, with the names that they have here.
    Mentionable(i64),
    /// How people are called here.
    Names,
    /// Lines of a conversation, oldest first.
    Timeline {
        /// Local id of the conversation.
        conversation: i64,
        /// The line after the last one wanted; absent for the newest.
        #[ts(optional)]
        before: Option<MessageId>,
        /// The line before the first one wanted, in place of `before`.
        #[ts(optional)]
        after: Option<MessageId>,
        /// At most this many.
        limit: u32,
    },
    /// One line.
    Item {
        /// Local id of the conversation.
        conversation: i64,
        /// The message.
        message: MessageId,
    },
    /// Who has a message and who read it.
    Info {
        /// Local id of the conversation.
        conversation: i64,
        /// The message.
        message: MessageId,
    },
    /// Lines that hold all these words, newest first.
    Search {
        /// As typed.
        query: String,
        /// At most this many.
        limit: u32,
    },
    /// Contents that the app does not have yet.
    Unsent,
    /// Keeps a view up to date at the tab that asks, under a number of the tab's own. The first
    /// [`Change`] follows at once; watching again under the same number replaces the view.
    Watch {
        /// Names it.
        watch: u32,
        /// What.
        view: View,
    },
    /// No more changes of a view.
    Unwatch(u32),
}

/// What can be watched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// A snapshot: [`AccountView`], or null before sign-up.
    Account,
    /// A snapshot: [`LinkView`].
    Link,
    /// A list of [`ConversationView`], newest first.
    Conversations,
    /// A list of [`ContactView`], by name.
    Contacts,
    /// A list of [`RequestView`], oldest first.
    Requests,
    /// A list of [`TransferView`]: files of messages that are to move, and what moved since the start.
    Transfers,
    /// A list of [`TimelineItem`], oldest first: a window of a conversation.
    Timeline {
        /// Local id of the conversation.
        conversation: i64,
        /// The line after the window; absent for a window that ends with the newest line.
        #[ts(optional)]
        before: Option<MessageId>,
        /// The line before the window, in place of `before`: what comes after it.
        #[ts(optional)]
        after: Option<MessageId>,
        /// Lines in the window, at most.
        limit: u32,
    },
}

/// How the device is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LinkView {
    /// Signed in and caught up with what there was.
    pub online: bool,
    /// A connection is wanted: a device that is signed up, or signing up.
    pub wanted: bool,
    /// When the next attempt to connect is made, while there is none.
    pub retry_ms: Option<UnixMs>,
    /// The store was given up: `account_gone`, `device_revoked`, `deleted`.
    pub ended: Option<String>,
}

/// What the core says to a tab.
#[derive(Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The answer to a question.
    Answer(Answer),
    /// A watched view changed.
    Change {
        /// The tab's name of it.
        watch: u32,
        /// How.
        change: Change,
    },
    /// Something that a person should notice. Told to all tabs.
    Event(Box<Event>),
}

/// An answer to the question with this number.
#[derive(Debug, Serialize, TS)]
pub struct Answer {
    /// The question's.
    pub id: u32,
    /// What [`answers`] says of the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub ok: Option<serde_json::Value>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<Refusal>,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Refusal {
    /// Stable: the core's codes, and `malformed` for a question that is none.
    pub code: String,
    /// For developers.
    pub message: String,
}

/// How a watched view changed.
#[derive(Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The whole view as it is now.
    Snapshot(#[ts(type = "unknown")] serde_json::Value),
    /// What to do to the rows that were told before; at first there are none.
    Rows(Rows),
    /// The view can not be read.
    Refused(Refusal),
}

/// The change of a list: first `gone` leave, then `put` come in, in their order, then `set` are
/// replaced. A row that moves is in `gone` and in `put`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Rows {
    /// Keys of rows that leave.
    pub gone: Vec<String>,
    /// Rows that come in; each `at` is right once those before it are in.
    pub put: Vec<Row>,
    /// Rows that changed in place.
    pub set: Vec<Row>,
    /// What is there now is not all: a long list of conversations is told in parts.
    pub more: bool,
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Row {
    /// Its place in the list, from 0.
    pub at: u32,
    /// What it stays the same by: a conversation's id, an address, a message's id, a transfer's.
    pub key: String,
    /// What it shows.
    #[ts(type = "unknown")]
    pub row: serde_json::Value,
}

/// A line that was found.
#[derive(Debug, Serialize, TS)]
pub struct FoundLine {
    /// Local id of the conversation that it stands in.
    pub conversation: i64,
    /// The line.
    pub item: TimelineItem,
}

/// How somebody is called here.
#[derive(Debug, Serialize, TS)]
pub struct Named {
    /// Who.
    pub address: Address,
    /// By name or number; `you` for the own account.
    pub name: String,
}

/// A code that is on its way.
#[derive(Debug, Serialize, TS)]
pub struct CodeOrdered {
    /// E.164.
    pub number: String,
    /// Good until then.
    pub expires_ms: UnixMs,
}

/// What TypeScript is generated from.
pub mod typescript {
    use super::*;
    use std::collections::BTreeMap;
    use ts_rs::{Config, TypeVisitor};

    /// The type of the answer to each question.
    fn answers(cfg: &Config) -> Vec<(&'static str, String)> {
        vec![
            ("do", Vec::<Event>::name(cfg)),
            ("account", Option::<AccountView>::name(cfg)),
            ("code_ordered", Option::<CodeOrdered>::name(cfg)),
            ("contact", Option::<ContactView>::name(cfg)),
            ("members", Vec::<MemberView>::name(cfg)),
            ("groups_with", Vec::<i64>::name(cfg)),
            ("mentionable", Vec::<Named>::name(cfg)),
            ("names", Vec::<Named>::name(cfg)),
            ("timeline", Vec::<TimelineItem>::name(cfg)),
            ("item", Option::<TimelineItem>::name(cfg)),
            ("info", InfoView::name(cfg)),
            ("search", Vec::<FoundLine>::name(cfg)),
            ("unsent", u64::name(cfg)),
            ("watch", <()>::name(cfg)),
            ("unwatch", <()>::name(cfg)),
        ]
    }

    /// What each view shows: a snapshot, or the rows of a list.
    fn views(cfg: &Config) -> Vec<(&'static str, String)> {
        vec![
            ("account", Option::<AccountView>::name(cfg)),
            ("link", LinkView::name(cfg)),
            ("conversations", ConversationView::name(cfg)),
            ("contacts", ContactView::name(cfg)),
            ("requests", RequestView::name(cfg)),
            ("transfers", TransferView::name(cfg)),
            ("timeline", TimelineItem::name(cfg)),
        ]
    }

    struct Collect<'a> {
        cfg: &'a Config,
        found: BTreeMap<String, String>,
    }

    impl TypeVisitor for Collect<'_> {
        fn visit<T: TS + 'static + ?Sized>(&mut self) {
            if T::output_path().is_none() || self.found.contains_key(&T::ident(self.cfg)) {
                return;
            }
            let docs = T::docs().unwrap_or_default();
            let text = format!("{docs}export {}", T::decl(self.cfg));
            self.found.insert(T::ident(self.cfg), text);
            T::visit_dependencies(self);
            T::visit_generics(self);
        }
    }

    /// The whole of `web/src/core/types.ts`.
    #[must_use]
    pub fn file() -> String {
        // Every number here is below 2^53: ids are counted, times are of this era.
        let cfg = Config::new().with_large_int("number");
        let mut collect = Collect {
            cfg: &cfg,
            found: BTreeMap::new(),
        };
        collect.visit::<Question>();
        collect.visit::<Told>();
        collect.visit::<AccountView>();
        collect.visit::<LinkView>();
        collect.visit::<ConversationView>();
        collect.visit::<ContactView>();
        collect.visit::<RequestView>();
        collect.visit::<TransferView>();
        collect.visit::<TimelineItem>();
        collect.visit::<MemberView>();
        collect.visit::<InfoView>();
        collect.visit::<FoundLine>();
        collect.visit::<Named>();
        collect.visit::<CodeOrdered>();
        collect.visit::<FileOf>();
        let mut out = String::from(
            "// Generated from crates/client-web by `cargo xtask codegen`: not to be edited.\n\n",
        );
        for id in ["Address", "ConversationId", "DeviceId", "MessageId"] {
            out.push_str(&format!("export type {id} = string;\n"));
        }
        for text in collect.found.values() {
            out.push('\n');
            out.push_str(text.trim_end());
            out.push('\n');
        }
        for (name, what, table) in [
            ("Answers", "The answer to each question.", answers(&cfg)),
            (
                "Views",
                "What each view shows: a snapshot, or the rows of a list.",
                views(&cfg),
            ),
        ] {
            out.push_str(&format!("\n/** {what} */\nexport interface {name} {{\n"));
            for (key, of) in table {
                out.push_str(&format!("  {key}: {of};\n"));
            }
            out.push_str("}\n");
        }
        out
    }
}
