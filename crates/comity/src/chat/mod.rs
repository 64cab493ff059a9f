//! `comity chat`: the terminal client. Without an act it is a conversation on the screen; with one
//! it does that act and ends, so that scripts and tests can be people.

mod acts;
mod mentions;
mod net;
mod people;
mod refused;
mod safe_text;
mod session;
mod shell;
mod store;
mod talk;
mod transfer;
mod words;

pub(crate) use safe_text::{complaint, is_escaped_in_json, one_line};

use crate::terminal;
use anyhow::{Result, bail};
use clap::Args;
use std::io::IsTerminal;
use std::path::PathBuf;

/// The terminal client.
#[derive(Args)]
pub(crate) struct ChatArgs {
    /// Folder of this device's store.
    #[arg(
        long,
        env = "COMITY_STORE",
        default_value = "comity-chat",
        global = true
    )]
    store: PathBuf,
    /// Address of the app, needed once: https://chat.example
    #[arg(long, env = "COMITY_SERVER", global = true)]
    server: Option<String>,
    /// PEM file of a certificate authority to trust besides the usual ones.
    #[arg(long, env = "COMITY_CA", global = true)]
    ca: Option<PathBuf>,
    /// File whose first line is the store's passphrase; else COMITY_PASSPHRASE, else it is asked for.
    #[arg(long, global = true)]
    passphrase_file: Option<PathBuf>,
    /// Answers and events as JSON, one object a line (docs/terminal-client.md).
    #[arg(long, global = true)]
    json: bool,
    /// Gives up after this many seconds.
    #[arg(long, global = true, default_value_t = 60, value_parser = seconds())]
    timeout: u64,
    #[command(subcommand)]
    act: Option<acts::Act>,
}

/// Fewest characters of a new store's passphrase.
const PASSPHRASE_CHARS_MIN: usize = 8;
const NO_SERVER: &str = "say where the app is: --server https://chat.example (needed once)";

/// Seconds that are waited for: at most a year, since a clock has an end.
pub(crate) fn seconds() -> impl clap::builder::TypedValueParser<Value = u64> {
    const YEAR: u64 = 366 * 24 * 3_600;
    clap::value_parser!(u64).range(..=YEAR)
}

/// Runs the client.
pub(crate) fn run(args: ChatArgs) -> Result<()> {
    // Whose words these are nobody can tell who only talks, and a talk has its screen for itself: what
    // is logged is asked for. What failed is said as what it is.
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("COMITY_LOG").unwrap_or_else(|_| "off".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let terminal = terminal::AsFound::keep();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let json = args.json;
    let outcome = runtime.block_on(async move {
        if terminal::AsFound::is_there() {
            let watches = matches!(args.act, Some(acts::Act::Watch { .. }));
            tokio::spawn(terminal::end_on_signal(watches));
        }
        // What is asked for wrongly leaves nothing behind.
        if args.json && args.act.is_none() {
            bail!(usage(
                "a conversation on the screen has no JSON: --json goes with an act, such as `watch`"
            ));
        }
        if let Some(act) = &args.act {
            act.check()?;
        }
        if let Some(server) = &args.server {
            net::Server::new(server.trim_end_matches('/'), args.ca.as_deref())
                .map_err(|error| usage(&format!("the app is not reached so: {error:#}")))?;
        } else if !args.store.exists() {
            bail!(usage(NO_SERVER));
        }
        let mut folder = store::StoreFolder::open(&args.store)?;
        if let Some(server) = &args.server {
            folder.settings.server = server.trim_end_matches('/').to_owned();
        }
        if let Some(ca) = &args.ca {
            folder.settings.ca = Some(std::path::absolute(ca)?);
        }
        if folder.settings.server.is_empty() {
            bail!(usage(NO_SERVER));
        }
        let passphrase = passphrase(&args, folder.exists())?;
        let conn = folder.unlock(&passphrase)?;
        folder.save_settings()?;
        let orders = args.act.as_ref().and_then(acts::Act::orders_code);
        let session = session::Session::start(folder, conn, &args, orders)?;
        let outcome = match args.act {
            Some(act) => acts::run(&session, act).await,
            None => talk::run(&session).await,
        };
        session.stop().await;
        outcome
    });
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    drop(terminal);
    if let (Err(error), true) = (&outcome, json) {
        acts::tell_error(error);
    }
    outcome
}

fn passphrase(args: &ChatArgs, exists: bool) -> Result<String> {
    if let Some(file) = &args.passphrase_file {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let message = format!("{}: {error}", file.display());
            session::Refused::here("open", "source_gone", message)
        })?;
        return chosen(text.lines().next().unwrap_or_default().to_owned(), exists);
    }
    if let Ok(passphrase) = std::env::var("COMITY_PASSPHRASE") {
        return chosen(passphrase, exists);
    }
    if std::fs::File::open("/dev/tty").is_err() {
        bail!(usage(
            "there is no terminal to type the store's passphrase on: --passphrase-file or COMITY_PASSPHRASE"
        ));
    }
    if exists {
        return Ok(rpassword::prompt_password("Passphrase of this store: ")?);
    }
    terminal::say(&format!(
        "This device's messages and keys are kept encrypted. Choose a passphrase of at least {PASSPHRASE_CHARS_MIN} characters; it can not be recovered."
    ));
    loop {
        let first = rpassword::prompt_password("New passphrase: ")?;
        if first.chars().count() < PASSPHRASE_CHARS_MIN {
            terminal::say(&format!(
                "That is too short: it has at least {PASSPHRASE_CHARS_MIN} characters."
            ));
        } else if rpassword::prompt_password("Once more: ")? != first {
            terminal::say("These two differ: once more from the beginning.");
        } else {
            return Ok(first);
        }
    }
}

/// Refuses a passphrase from a file or the environment that is too short to begin a store with.
fn chosen(passphrase: String, exists: bool) -> Result<String> {
    if !exists && passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
        bail!(usage(&format!(
            "the passphrase of a new store has at least {PASSPHRASE_CHARS_MIN} characters"
        )));
    }
    Ok(passphrase)
}

/// An error for people, with its code where that is no part of its words. What a server said of it
/// steers no terminal.
pub(crate) fn in_words(error: &anyhow::Error) -> String {
    if let Some(core) = error.downcast_ref::<comity_client::CoreError>() {
        return safe_text::text(&format!("{error:#} ({})", core.code()));
    }
    if error.is::<session::Refused>() || error.is::<session::Kept>() {
        return safe_text::text(&format!("{error:#}"));
    }
    format!("{error:#}")
}

fn usage(message: &str) -> session::Refused {
    session::Refused::here("open", "usage", message.to_owned())
}
