//! Names of what happens, for the trace and for people.
//!
//! Always holds: no names of secrets. Deliberately absent: doing anything.

use super::*;
use std::fmt::{Debug, Write};

/// What keeps a device from rest, as far as its screen shows it.
pub(super) fn unsettled(device: &Device, core: &Core) -> Result<String> {
    let mut what = format!(
        "{} is not settled: online {}, {} to send",
        device.name,
        core.is_online(),
        core.unsent()?
    );
    for view in core.conversations()? {
        let wishes = core.wishes_open(view.conversation)?;
        if view.state != "active" || wishes > 0 {
            what.push_str(&format!(
                "; {} {} {}, {wishes} wishes",
                view.kind, view.title, view.state
            ));
        }
    }
    let told = device.events.iter().rev().take(3);
    what.push_str(&format!("; told last: {:?}", told.collect::<Vec<_>>()));
    Ok(what)
}

pub(super) fn refusal(body: &[u8]) -> WireError {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => WireError {
            code: ErrorCode::parse(&body.error.code).unwrap_or(ErrorCode::Internal),
            message: body.error.message,
            retry_after_ms: body.error.retry_after_ms,
        },
        Err(_) => WireError::new(ErrorCode::Internal, "not an answer"),
    }
}

/// What a value's name is. Of what is in it nothing is written only to be cut off.
fn first_word(value: &impl Debug) -> String {
    struct Word(String);
    impl Write for Word {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            let end = text.find([' ', '(', '{']);
            self.0
                .push_str(text.get(..end.unwrap_or(text.len())).unwrap_or_default());
            // An error ends the writing.
            end.map_or(Ok(()), |_| Err(std::fmt::Error))
        }
    }
    let mut word = Word(String::new());
    let _ = write!(word, "{value:?}");
    word.0
}

/// The kind of an act, for the trace: nothing that depends on keys.
pub(super) fn command_name(command: &Command) -> String {
    first_word(command)
}

/// An act of a device at a hub, for people.
pub(super) fn frame_name(frame: &ClientFrame) -> String {
    use comity_wire::proto::client_frame::Act;
    let Some(act) = &frame.act else {
        return "nothing".to_owned();
    };
    let short = |log: &[u8]| data_encoding::HEXLOWER.encode(log.get(..3).unwrap_or_default());
    let about = match act {
        Act::Fetch(act) => format!(
            "Fetch {} {} after {}",
            act.hub,
            short(&act.log),
            act.after_seq
        ),
        Act::Append(act) => format!(
            "Append {} {} epoch {} key {}",
            act.hub,
            short(&act.conversation),
            act.epoch,
            short(&act.idempotency_key)
        ),
        Act::SubmitCommit(act) => {
            let (log, epoch) = (short(&act.conversation), act.expected_epoch);
            format!(
                "SubmitCommit {} {log} epoch {epoch}, welcome {}",
                act.hub,
                act.welcome.len()
            )
        }
        Act::FetchWelcome(act) => {
            format!(
                "FetchWelcome {} {} {}",
                act.hub,
                short(&act.conversation),
                act.commit_seq
            )
        }
        Act::FetchState(act) => format!("FetchState {} {}", act.hub, short(&act.conversation)),
        Act::PutState(act) => format!("PutState {} {}", act.hub, short(&act.conversation)),
        Act::Leave(act) => format!("Leave {} {}", act.hub, short(&act.conversation)),
        Act::CreateConversation(act) => format!("CreateConversation {}", short(&act.conversation)),
        other => first_word(other),
    };
    format!("{} {about}", frame.request)
}

/// What an input says of places in a log, for people.
pub(super) fn places(input: &Input) -> Option<String> {
    let short = |log: &[u8]| data_encoding::HEXLOWER.encode(log.get(..3).unwrap_or_default());
    let Input::Frame(frame) = input else {
        return None;
    };
    let deliver = match frame.frame.as_ref()? {
        server_frame::Frame::Deliver(deliver) => deliver,
        server_frame::Frame::Reply(reply) => match reply.result.as_ref()? {
            reply::Result::Deliver(deliver) => deliver,
            reply::Result::Appended(appended) => return Some(format!("at {}", appended.seq)),
            reply::Result::Committed(committed) => return Some(format!("at {}", committed.seq)),
            _ => return None,
        },
        _ => return None,
    };
    let entries = deliver
        .entries
        .iter()
        .map(|entry| format!("{} {}", entry.seq, short(&entry.idempotency_key)));
    let entries: Vec<String> = entries.collect();
    Some(format!("{} {entries:?}", short(&deliver.log)))
}

/// The kind of an input, for the trace: nothing that depends on keys.
pub(super) fn input_name(input: &Input) -> String {
    match input {
        Input::Frame(frame) => match &frame.frame {
            Some(server_frame::Frame::Reply(reply)) => {
                if let Some(reply::Result::Error(error)) = &reply.result {
                    return format!("reply {} {}", reply.request, error.code);
                }
                let result = reply.result.as_ref().map(first_word);
                format!("reply {} {}", reply.request, result.unwrap_or_default())
            }
            Some(server_frame::Frame::Deliver(deliver)) => {
                format!("deliver {} of {}", deliver.entries.len(), deliver.head_seq)
            }
            Some(other) => first_word(other),
            None => "empty".to_owned(),
        },
        Input::HttpDone { call, result } => match result {
            Ok(_) => format!("answer {call}"),
            Err(CallError::Refused(error)) => format!("refused {call} {}", error.code.as_str()),
            Err(CallError::Unreachable(_)) => format!("unreachable {call}"),
        },
        Input::Connected { .. } => "connected".to_owned(),
        Input::Disconnected => "disconnected".to_owned(),
        Input::Tick => "tick".to_owned(),
        Input::Command(command) => command_name(command),
        Input::UploadStarted { .. } => "upload started".to_owned(),
        Input::UploadDone { .. } => "upload done".to_owned(),
        Input::DownloadDone { .. } => "download done".to_owned(),
        Input::TransferProgress { .. } => "progress".to_owned(),
        Input::TransferFailed { code, .. } => format!("transfer failed {code}"),
    }
}
