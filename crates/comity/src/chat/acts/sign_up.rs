//! Becoming an account's device: by number and code, by recovery, by a link.

use super::*;
use comity_wire::ErrorCode;

pub(super) struct Code {
    pub(super) code: Option<String>,
    pub(super) command: Option<String>,
}

impl Code {
    pub(super) async fn get(self, number: &str) -> Result<String> {
        if let Some(code) = self.code {
            return Ok(code);
        }
        if let Some(command) = self.command {
            let output = tokio::process::Command::new("sh")
                .arg("-c")
                .arg(command)
                .env("NUMBER", number)
                .output()
                .await?;
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        prompt(&format!("Code sent to {number}: "));
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        })
        .await??;
        Ok(line.trim().to_owned())
    }
}

pub(super) async fn ask_code(session: &Session, number: String) -> Result<String> {
    session
        .act_until(
            Command::StartRegistration {
                number,
                country: None,
            },
            &["connect", "register"],
            |event| match event {
                Event::CodeSent { number, .. } => Some(number.clone()),
                _ => None,
            },
        )
        .await
}

pub(super) async fn register(
    session: &Session,
    number: String,
    name: String,
    code: Code,
    recover: Option<String>,
    take_over: bool,
    lock_passphrase: Option<String>,
) -> Result<()> {
    let number = ask_code(session, number).await?;
    let code = code.get(&number).await?;
    let acts = ["code", "create_account", "recover"];
    let next = |event: &Event| {
        matches!(event, Event::Ready { .. } | Event::NumberHasAccount { .. }).then(|| event.clone())
    };
    let mut told = session
        .act_until(Command::EnterCode { code, name }, &acts, next)
        .await?;
    if let Event::NumberHasAccount {
        recoverable,
        locked_until_ms,
    } = told
    {
        let command = match (recover, take_over) {
            (Some(phrase), _) => Command::Recover { phrase },
            (None, true) => Command::TakeOver {
                passphrase: lock_passphrase,
            },
            (None, false) => bail!(Refused {
                act: "register".to_owned(),
                code: ErrorCode::NumberTaken.as_str().to_owned(),
                message: format!(
                    "this number has an account ({}{}). Link this device from another one, or --recover 'twelve words', or --take-over to begin a new account",
                    if recoverable {
                        "it has a recovery phrase"
                    } else {
                        "it has no recovery phrase"
                    },
                    if locked_until_ms.is_some() {
                        ", and a registration lock"
                    } else {
                        ""
                    }
                ),
                retry_after_ms: 0,
            }),
        };
        told = session
            .act_until(command, &acts, |event| {
                matches!(event, Event::Ready { .. }).then(|| event.clone())
            })
            .await?;
    }
    session.online().await?;
    session.settled().await?;
    let Event::Ready { address, number } = told else {
        bail!("not signed up")
    };
    if session.json {
        say_json(&json!({ "address": address, "number": number }));
    } else {
        say(&format!("Signed up: {number}, {address}"));
        say(
            "Write down a recovery phrase with `comity chat recovery-phrase`: without it, losing all devices loses the account.",
        );
    }
    Ok(())
}

pub(super) async fn link(session: &Session, name: String) -> Result<()> {
    let (_, mut events) = session
        .act(Command::StartLink { device_name: name })
        .await?;
    let json = session.json;
    let ready = session
        .wait(&mut events, &["connect", "link"], &mut |event| {
            if let Event::LinkCode { code, .. } = event {
                if json {
                    say_json(event);
                } else {
                    say("On a device that is signed up: comity chat approve CODE, with this code (or scan it):");
                    say(&qr(code));
                    say(code);
                }
            }
            matches!(event, Event::Ready { .. }).then(|| event.clone())
        })
        .await?;
    if json {
        say_json(&ready);
    }
    session.online().await?;
    // History comes in parts; it goes on at the next start if this one ends early.
    let _ = session
        .wait(&mut events, &[], &mut |event| match event {
            Event::HistoryProgress { done, total } => {
                if json {
                    say_json(event);
                } else {
                    say(&format!("history: {done} of {total} parts"));
                }
                (done == total).then_some(())
            }
            _ => None,
        })
        .await;
    session.flushed().await
}

/// A code as a picture of half blocks.
pub(super) fn qr(text: &str) -> String {
    match qrcode::QrCode::with_error_correction_level(text.as_bytes(), qrcode::EcLevel::L) {
        Ok(code) => code
            .render::<qrcode::render::unicode::Dense1x2>()
            .quiet_zone(true)
            .build(),
        Err(_) => String::new(),
    }
}

pub(super) async fn approve(session: &Session, code: String) -> Result<()> {
    session.online().await?;
    let linked = session
        .act_until(Command::ApproveLink { code }, &["approve_link"], |event| {
            matches!(event, Event::Linked { .. }).then(|| event.clone())
        })
        .await?;
    if session.json {
        say_json(&linked);
    } else if let Event::Linked { name, device } = &linked {
        say(&format!("Linked: {} ({device})", words::plain(name)));
    }
    // The new device comes online, gives its keys, is let into every conversation; history goes up.
    session.settled().await?;
    session.memberships_done().await?;
    session.flushed().await
}
