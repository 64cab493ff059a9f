//! Reports: opened with the moderation key, each message checked against its proofs.
//!
//! Always holds: a message is called genuine only when its franking tag and commitment hold and
//! this server's seal over them holds, too.

use super::keys;
use crate::chat::one_line;
use crate::terminal::{say, say_json, time};
use anyhow::{Result, bail};
use comity_chat::{Config, Secrets, operator};
use comity_content::proto::{Content, Report, ReportedMessage, content::Body};
use comity_e2ee::report;
use comity_wire::{AccountId, Address, ConversationId, Id16, MessageId};
use serde::Serialize;
use std::path::Path;

/// A report as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    /// Its number.
    report: i64,
    /// When it came, Unix milliseconds.
    at_ms: i64,
    /// Who made it, as they say.
    reporter: String,
    /// Whom it is about.
    reported: String,
    /// Why, in the reporter's words.
    reason: String,
    /// What was reported.
    messages: Vec<Message>,
}

/// A reported message.
#[derive(Debug, Serialize)]
struct Message {
    /// The reported account's device wrote this, and it passed through this server.
    genuine: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
    /// What it says, as far as this program can show it.
    text: String,
    /// When it passed, Unix milliseconds.
    at_ms: i64,
}

/// Lists the reports, or deletes one.
pub(super) fn run(config: &Config, key: &Path, delete: Option<i64>, json: bool) -> Result<()> {
    let conn = super::open(config)?;
    let (public, private) = keys::read(key)?;
    if let Some(id) = delete {
        if !operator::delete_report(&conn, id)? {
            bail!("there is no report {id}");
        }
        return Ok(());
    }
    let secrets = operator::secrets(&conn)?;
    let app = config.check()?;
    for stored in operator::reports(&conn)? {
        let listed = match report::open(&public, &private, &stored.sealed) {
            Ok(report) => list(stored.id, stored.at_ms, &report, &secrets, app.as_str()),
            Err(error) => {
                crate::terminal::complain(&format!("report {}: {error}", stored.id));
                continue;
            }
        };
        if json {
            say_json(&listed);
        } else {
            show(&listed);
        }
    }
    Ok(())
}

fn address(of: Option<&comity_content::proto::Address>) -> Option<Address> {
    let of = of?;
    Some(Address::new(
        of.app.parse().ok()?,
        AccountId::from_slice(&of.account).ok()?,
    ))
}

fn list(id: i64, at_ms: i64, report: &Report, secrets: &Secrets, app: &str) -> Listed {
    let reported = address(report.reported.as_ref());
    let name = |of: Option<Address>| of.map_or_else(|| "?".to_owned(), |of| of.to_string());
    let messages = report
        .messages
        .iter()
        .map(|message| {
            let checked = check(report, message, reported.as_ref(), secrets, app);
            Message {
                genuine: checked.is_ok(),
                why_not: checked.err(),
                text: text(&message.content),
                at_ms: message.at_ms,
            }
        })
        .collect();
    Listed {
        report: id,
        at_ms,
        reporter: name(address(report.reporter.as_ref())),
        reported: name(reported),
        reason: report.reason.clone(),
        messages,
    }
}

/// Says why a message proves nothing.
fn check(
    report: &Report,
    message: &ReportedMessage,
    reported: Option<&Address>,
    secrets: &Secrets,
    app: &str,
) -> Result<(), String> {
    let reported = reported.ok_or("the report names nobody")?;
    report::verify(message, reported).map_err(|error| error.to_string())?;
    let introduction = if message.introduction.is_empty() && report.conversation.is_empty() {
        &report.introduction
    } else {
        &message.introduction
    };
    let log = if report.conversation.is_empty() || !introduction.is_empty() {
        let id = MessageId::from_slice(introduction).map_err(|error| error.to_string())?;
        id.to_string()
    } else {
        if report.hub != app {
            return Err(
                "the conversation is at another app, which holds the seal's key".to_owned(),
            );
        }
        let id = Id16::from_slice(&report.conversation).map_err(|error| error.to_string())?;
        let hub = report.hub.parse().map_err(|_| "not a hub's name")?;
        ConversationId::new(hub, id).to_string()
    };
    let passage = operator::Passage {
        log: &log,
        seq: message.seq,
        header: &message.header,
        at_ms: message.at_ms,
        seal: &message.seal,
    };
    if operator::seal_holds(secrets, &passage) {
        Ok(())
    } else {
        Err("this server did not seal it".to_owned())
    }
}

fn text(content: &[u8]) -> String {
    use prost::Message as _;
    let Ok(content) = Content::decode(content) else {
        return "?".to_owned();
    };
    match content.body {
        Some(Body::Text(text)) => text.text,
        Some(Body::Edit(edit)) => format!("(edited) {}", edit.text),
        Some(Body::Reaction(reaction)) => format!("(reaction) {}", reaction.emoji),
        Some(Body::Attachment(file)) => {
            format!("(attachment {}) {}", file.file_name, file.caption)
        }
        _ => content.fallback,
    }
}

fn show(listed: &Listed) {
    say(&format!(
        "report {}  of {}  by {}  about {}",
        listed.report,
        time(listed.at_ms),
        listed.reporter,
        listed.reported
    ));
    if !listed.reason.is_empty() {
        say(&format!("  reason: {}", one_line(&listed.reason)));
    }
    for message in &listed.messages {
        let verdict = match &message.why_not {
            None => "genuine".to_owned(),
            Some(why) => format!("NOT PROVEN: {why}"),
        };
        let when = time(message.at_ms);
        say(&format!(
            "  [{verdict}] {when}  {}",
            one_line(&message.text)
        ));
    }
}
