//! Becoming an account's device: by number and code, by recovery, by a link.

use super::*;
use comity_client::AccountView;
use comity_wire::ErrorCode;
use std::io::IsTerminal;
use std::time::Duration;

/// Where the code that proves a number comes from: it is given, a command prints it, or it is typed.
pub(super) struct Code {
    pub(super) code: Option<String>,
    pub(super) command: Option<String>,
}

impl Code {
    fn is_typed(&self) -> bool {
        self.code.is_none() && self.command.is_none()
    }

    async fn get(&self, number: &str) -> Result<String> {
        if let Some(code) = &self.code {
            return Ok(code.clone());
        }
        if let Some(command) = &self.command {
            let output = tokio::process::Command::new("sh")
                .arg("-c")
                .arg(command)
                .env("NUMBER", number)
                .output()
                .await?;
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        prompt(&format!("Code sent to {}: ", words::plain(number)));
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        })
        .await??;
        if line.is_empty() {
            bail!(refused("usage", "no code was typed: the input ended"));
        }
        Ok(line.trim().to_owned())
    }
}

fn refused(code: &str, message: &str) -> Refused {
    Refused {
        act: "code".to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        retry_after_ms: 0,
    }
}

/// Whether two numbers have the same digits, however they are written.
pub(super) fn same_number(one: &str, other: &str) -> bool {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    digits(one) == digits(other)
}

/// The number as the app writes it, for which a code is on its way now, or was ordered before when
/// it is given.
async fn ordered(session: &Session, number: String, code: &Code) -> Result<String> {
    if code.is_typed() && !std::io::stdin().is_terminal() {
        bail!(refused(
            "usage",
            &format!(
                "there is no terminal to type the code on: --code-command, or {} and then --code",
                session.hint("request-code NUMBER")
            )
        ));
    }
    if code.code.is_none() {
        return ask_code(session, number).await.map(|(number, _)| number);
    }
    match session.query(Core::code_ordered).await? {
        Some((known, _)) if same_number(&known, &number) => Ok(known),
        _ => bail!(refused(
            "not_now",
            &format!(
                "no code was ordered for this number from here: {} first",
                session.hint("request-code NUMBER")
            )
        )),
    }
}

async fn ask_code(session: &Session, number: String) -> Result<(String, i64)> {
    session
        .act_until(
            Command::StartRegistration {
                number,
                country: None,
            },
            &["connect", "register"],
            |event| match event {
                Event::CodeSent { number, expires_ms } => Some((number.clone(), *expires_ms)),
                _ => None,
            },
        )
        .await
}

pub(super) async fn request_code(session: &Session, number: String) -> Result<()> {
    let (number, expires_ms) = ask_code(session, number).await?;
    if session.json {
        say_json(&json!({ "number": number, "expires_ms": expires_ms }));
    } else {
        say(&format!(
            "A code is on its way to {}: give it with --code to `register` or `change-number`.",
            words::plain(&number)
        ));
    }
    Ok(())
}

/// Proves a number by its code; one that was mistyped is asked for again until the app takes no
/// more. `enter` makes the act of a code, `next` takes what follows a right one.
pub(super) async fn prove<T>(
    session: &Session,
    number: String,
    code: &Code,
    enter: impl Fn(String) -> Command,
    acts: &[&str],
    next: impl Fn(&Event) -> Option<T>,
) -> Result<T> {
    let number = ordered(session, number, code).await?;
    loop {
        let typed = code.get(&number).await?;
        let outcome = session.act_until(enter(typed), acts, &next).await;
        match &outcome {
            Err(error) if code.is_typed() && is_code(error, "code_wrong") => {
                complain("that is not the code; once more");
            }
            _ => return outcome,
        }
    }
}

fn is_code(error: &anyhow::Error, code: &str) -> bool {
    error
        .downcast_ref::<Refused>()
        .is_some_and(|refused| refused.code == code)
}

/// Why a number that has an account is not simply taken.
pub(super) fn number_taken(recoverable: bool, locked: bool, ways: &str) -> Refused {
    let phrase = if recoverable { "a" } else { "no" };
    let lock = if locked {
        ", and a registration lock"
    } else {
        ""
    };
    Refused {
        act: "register".to_owned(),
        code: ErrorCode::NumberTaken.as_str().to_owned(),
        message: format!(
            "this number has an account (it has {phrase} recovery phrase{lock}). {ways}"
        ),
        retry_after_ms: 0,
    }
}

/// Says of a registration lock what opens it; `given`: its passphrase was there, and another one.
pub(super) fn locked(error: anyhow::Error, given: bool) -> anyhow::Error {
    match error.downcast::<Refused>() {
        Ok(refused) if refused.code == ErrorCode::RegistrationLocked.as_str() => {
            let message = if given {
                "the passphrase of the number's registration lock is another one. Without it, the lock gives way in time"
            } else {
                "the number has a registration lock: --lock-passphrase opens it. Without it, the lock gives way in time"
            };
            Refused {
                message: message.to_owned(),
                ..refused
            }
            .into()
        }
        Ok(refused) => refused.into(),
        Err(error) => error,
    }
}

/// What a sign-up was told besides number and code.
pub(super) struct SignUp {
    pub(super) name: String,
    pub(super) device_name: Option<String>,
    pub(super) recover: Option<String>,
    pub(super) take_over: bool,
    pub(super) lock_passphrase: Option<String>,
}

pub(super) async fn register(
    session: &Session,
    number: String,
    code: Code,
    how: SignUp,
) -> Result<()> {
    session.answered().await?;
    if let Some(account) = session.query(Core::account).await? {
        if same_number(&account.number, &number) {
            // Asked for once more: the first time its answer was lost, or the program ended before it.
            let ready = (account.address.clone(), account.number.clone());
            let has_words = how.recover.is_some();
            return welcome(session, &how, is_named(&account), has_words, ready).await;
        }
        bail!(refused(
            "not_now",
            &format!(
                "this device is signed up already, as {}: take another --store",
                account.address
            )
        ));
    }
    let acts = SIGN_UP_STEPS;
    let next = |event: &Event| {
        matches!(event, Event::Ready { .. } | Event::NumberHasAccount { .. }).then(|| event.clone())
    };
    let name = how.name.clone();
    let enter = |code| Command::EnterCode {
        code,
        name: name.clone(),
    };
    let mut told = prove(session, number, &code, enter, &acts, next).await?;
    let mut has_words = false;
    if let Event::NumberHasAccount {
        recoverable,
        locked_until_ms,
    } = told
    {
        has_words = how.recover.is_some() || !how.take_over;
        told = if has_words {
            let taken = number_taken(
                recoverable,
                locked_until_ms.is_some(),
                "Link this device from another one, or --recover - to be asked for the account's twelve words, or --take-over to begin a new account; the same code is good for that, as --code",
            );
            recovered(session, how.recover.as_deref(), recoverable, taken).await
        } else {
            let passphrase = how.lock_passphrase.clone();
            let outcome = session.act_until(Command::TakeOver { passphrase }, &acts, ready);
            let given = how.lock_passphrase.is_some();
            outcome.await.map_err(|error| locked(error, given))
        }?;
    }
    let Event::Ready { address, number } = told else {
        bail!("not signed up")
    };
    welcome(session, &how, false, has_words, (address, number)).await
}

/// Steps whose failure ends a sign-up.
const SIGN_UP_STEPS: [&str; 3] = ["code", "create_account", "recover"];

fn ready(event: &Event) -> Option<Event> {
    matches!(event, Event::Ready { .. }).then(|| event.clone())
}

/// Brings the account of the number back with its words, as they are given. A person at a terminal is
/// asked for them, also where nothing was said of them before: the code that proved the number is
/// good for this once. `taken` is what there is to say where there are none.
async fn recovered(
    session: &Session,
    given: Option<&str>,
    recoverable: bool,
    taken: Refused,
) -> Result<Event> {
    let is_here = std::io::stdin().is_terminal() && !session.json;
    loop {
        let phrase = match given {
            Some(phrase) if phrase != "-" => phrase.to_owned(),
            None if !is_here || !recoverable => bail!(taken),
            given => {
                if is_here {
                    say(
                        "This number has an account. Its twelve words bring it back; nothing typed leaves it as it is.",
                    );
                }
                match (named::recovery_phrase().await?, given) {
                    (Some(phrase), _) => phrase,
                    (None, None) => bail!(taken),
                    (None, Some(_)) => {
                        bail!(Refused::here(
                            "recover",
                            "usage",
                            "no words were given".to_owned()
                        ))
                    }
                }
            }
        };
        let again = is_here && given.is_none_or(|given| given == "-");
        let outcome = session.act_until(Command::Recover { phrase }, &SIGN_UP_STEPS, ready);
        match outcome.await {
            Err(error) if again && is_code(&error, "phrase_wrong") => {
                complain("these words do not open the account; once more");
            }
            outcome => return outcome.map_err(|error| locked(error, false)),
        }
    }
}

/// Whether this device has a name.
fn is_named(account: &AccountView) -> bool {
    let mut devices = account.devices.iter();
    devices.any(|device| device.this && !device.name.is_empty())
}

/// The device is the account's: its first session, or this act once more.
async fn welcome(
    session: &Session,
    how: &SignUp,
    named: bool,
    has_words: bool,
    (address, number): (Address, String),
) -> Result<()> {
    let name = match &how.device_name {
        Some(name) => Some(name.clone()),
        None => (!named).then(|| "terminal".to_owned()),
    };
    if let Some(name) = name {
        session.handle.act(Command::NameDevice(name)).await?;
    }
    session.online().await?;
    session.settled().await?;
    if session.json {
        say_json(&json!({ "address": address, "number": number }));
    } else {
        say(&format!("Signed up: {}, {address}", words::plain(&number)));
        say(&format!("To talk: {}", session.hint("")));
        // Whose words have just brought the account back has them.
        if !has_words {
            say(&format!(
                "Write down a recovery phrase with {}: without it, losing all devices loses the account.",
                session.hint("recovery-phrase")
            ));
        }
    }
    Ok(())
}

pub(super) async fn link(session: &Session, name: String) -> Result<()> {
    let (_, mut events) = session
        .act(Command::StartLink { device_name: name })
        .await?;
    let json = session.json;
    let good_ms = session
        .wait(&mut events, &LINK_STEPS, &mut |event| match event {
            Event::LinkCode { code, expires_ms } => {
                let good_ms =
                    u64::try_from(expires_ms.saturating_sub(words::now_ms())).unwrap_or(0);
                show_code(event, code, good_ms, json);
                Some(good_ms)
            }
            _ => None,
        })
        .await?;
    // The core says when the code is over; `--timeout` is for what the app is to do.
    let time = Duration::from_millis(good_ms) + session.timeout;
    let ready = session
        .wait_within(time, &mut events, &LINK_STEPS, &mut |event| {
            matches!(event, Event::Ready { .. }).then(|| event.clone())
        })
        .await?;
    if json {
        say_json(&ready);
    } else if let Event::Ready { address, number } = &ready {
        say(&format!(
            "Linked as {}, {address}. To talk, once the history is here: {}",
            words::plain(number),
            session.hint("")
        ));
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

/// Steps of the core whose failure ends a link.
const LINK_STEPS: [&str; 2] = ["connect", "link"];

/// Shows a link code, which is good for so long.
fn show_code(event: &Event, code: &str, good_ms: u64, json: bool) {
    if json {
        return say_json(event);
    }
    let minutes = good_ms.div_ceil(60_000);
    say(&format!(
        "On a device that is signed up: {} chat approve CODE, or /approve CODE where its chat is open, with this code (or scan it). It is good for {minutes} minutes, and this waits for so long:",
        crate::terminal::program()
    ));
    say(&qr(code));
    say(code);
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
    let code = link_code(&code);
    let linked = session
        .act_until(Command::ApproveLink { code }, &["approve_link"], |event| {
            matches!(event, Event::Linked { .. }).then(|| event.clone())
        })
        .await?;
    if session.json {
        say_json(&linked);
    } else if let Event::Linked { name, device } = &linked {
        say(&format!(
            "Linked: {} ({device}); its keys and history are on their way",
            words::beside(name)
        ));
    }
    // The new device comes online, gives its keys, is let into every conversation; history goes up.
    session.settled().await?;
    session.memberships_done().await?;
    session.history_given().await?;
    session.flushed().await
}
