//! Names of what happens, for the trace and for people.
//!
//! Always holds: no names of secrets. Deliberately absent: doing anything.

use super::*;

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

/// The kind of an act, for the trace: nothing that depends on keys.
pub(super) fn command_name(command: &Command) -> String {
    let text = format!("{command:?}");
    let end = text.find([' ', '(', '{']).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_owned()
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
        other => {
            let text = format!("{other:?}");
            let end = text.find('(').unwrap_or(text.len());
            text.get(..end).unwrap_or_default().to_owned()
        }
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
                let result = reply.result.as_ref().map(|result| format!("{result:?}"));
                let result = result.unwrap_or_default();
                let end = result.find(['(', ' ']).unwrap_or(result.len());
                format!(
                    "reply {} {}",
                    reply.request,
                    result.get(..end).unwrap_or_default()
                )
            }
            Some(server_frame::Frame::Deliver(deliver)) => {
                format!("deliver {} of {}", deliver.entries.len(), deliver.head_seq)
            }
            Some(other) => {
                let text = format!("{other:?}");
                let end = text.find('(').unwrap_or(text.len());
                text.get(..end).unwrap_or_default().to_owned()
            }
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
