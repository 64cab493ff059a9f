//! The own account: its settings and its end.

use super::*;

pub(super) async fn account(session: &Session, offline: bool) -> Result<()> {
    session.catch_up(offline).await?;
    let account = session.query(Core::account).await?;
    let account = account.context("nobody is signed up here")?;
    if session.json {
        say_json(&account);
        return Ok(());
    }
    say(&format!(
        "{}  {}  {}",
        words::beside(&account.name),
        words::plain(&account.number),
        account.address
    ));
    for device in &account.devices {
        say(&format!("  {}", words::device(device)));
    }
    Ok(())
}

pub(super) async fn setting(session: &Session, command: Command, what: &str) -> Result<()> {
    session.online().await?;
    session
        .act_until(command, &[what], |event| match event {
            Event::Saved { what: saved } if saved == what => Some(()),
            _ => None,
        })
        .await?;
    session.settled().await?;
    finish(session).await
}

pub(super) async fn profile(
    session: &Session,
    name: Option<String>,
    about: Option<String>,
    photo: Option<PathBuf>,
) -> Result<()> {
    session.signed_up().await?;
    session.online().await?;
    if let Some(path) = photo {
        let (path, size, media_type) = picture(&path)?;
        let path = Some(path);
        session
            .act_until(
                Command::SetPhoto {
                    path,
                    size,
                    media_type,
                },
                &["profile"],
                |event| matches!(event, Event::Saved { what } if what == "profile").then_some(()),
            )
            .await?;
    }
    setting(session, Command::SetProfile { name, about }, "profile").await
}

pub(super) async fn recovery_phrase(session: &Session) -> Result<()> {
    session.online().await?;
    let (told, mut events) = session.act(Command::MakeRecoveryPhrase).await?;
    session
        .wait(&mut events, &["recovery"], &mut |event| {
            matches!(event, Event::Saved { what } if what == "recovery").then_some(())
        })
        .await?;
    let phrase = told.iter().find_map(|event| match event {
        Event::RecoveryPhrase { phrase } => Some(phrase.clone()),
        _ => None,
    });
    let phrase = phrase.context("no phrase was made")?;
    if session.json {
        say_json(&json!({ "phrase": phrase }));
    } else {
        say(&phrase);
        complain(
            "write these words down: they are shown once, and whoever has them and the number has the account",
        );
    }
    Ok(())
}

pub(super) async fn change_number(
    session: &Session,
    number: String,
    code: Code,
    take_over: bool,
    lock_passphrase: Option<String>,
) -> Result<()> {
    session.online().await?;
    if session.query(Core::number_unanswered).await?.is_some() {
        // The account is being asked.
        session.settled().await?;
    }
    let account = session.query(Core::account).await?;
    if account.is_some_and(|account| same_number(&account.number, &number)) {
        return changed(session).await;
    }
    let acts = ["code", "number"];
    let next = |event: &Event| match event {
        Event::NumberHasAccount { .. } => Some(event.clone()),
        Event::Saved { what } if what == "number" => Some(event.clone()),
        _ => None,
    };
    let enter = |code| Command::ChangeNumber { code };
    let told = prove(session, number, &code, enter, &acts, next).await?;
    if let Event::NumberHasAccount {
        recoverable,
        locked_until_ms,
    } = told
    {
        if !take_over {
            bail!(number_taken(
                recoverable,
                locked_until_ms.is_some(),
                "--take-over moves it to this account: who has it loses it, and is told"
            ));
        }
        let given = lock_passphrase.is_some();
        let command = Command::TakeOver {
            passphrase: lock_passphrase,
        };
        let taken = session.act_until(command, &acts, next).await;
        taken.map_err(|error| locked(error, given))?;
    }
    changed(session).await
}

async fn changed(session: &Session) -> Result<()> {
    if let (Some(account), false) = (session.query(Core::account).await?, session.json) {
        say(&format!(
            "The number is {} now.",
            words::plain(&account.number)
        ));
    }
    finish(session).await
}

pub(super) async fn delete_account(session: &Session, yes: bool) -> Result<()> {
    if !yes {
        bail!(Refused::here(
            "delete_account",
            "usage",
            "this deletes the account at the app and this store, with no way back: say --yes"
                .to_owned()
        ));
    }
    session.online().await?;
    let (_, mut events) = session.act(Command::DeleteAccount).await?;
    let mut pick = |event: &Event| matches!(event, Event::Erased { .. }).then_some(());
    session
        .wait(&mut events, &["delete_account"], &mut pick)
        .await?;
    if session.json {
        say_json(&json!({ "ok": true }));
    } else {
        say("The account is deleted.");
    }
    Ok(())
}

/// The right to act for this device at the app, for as long as the app gives it.
pub(super) async fn token(session: &Session) -> Result<()> {
    session.online().await?;
    let (token, expires_ms) = session
        .query(|core| Ok(core.token()))
        .await?
        .context("the connection was lost")?;
    if session.json {
        say_json(&json!({ "token": token, "expires_ms": expires_ms }));
    } else {
        say(&token);
    }
    Ok(())
}
