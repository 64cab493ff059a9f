//! `comity admin`: what the operator does, beside the running server.
//!
//! Always holds: nothing here shows what people say, except reports that somebody made, and those
//! only to who holds the moderation key.

mod accounts;
mod keys;
mod reports;

use crate::serve;
use crate::terminal::{say, say_json, time};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use comity_chat::{Config, operator};
use std::path::PathBuf;

/// Arguments of `comity admin`.
#[derive(clap::Args, Debug)]
pub(crate) struct AdminArgs {
    /// Configuration file of the server. Without it every field has its default.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Debug)]
enum Act {
    /// Copy database and blobs into an empty folder; the server may be running.
    Backup {
        /// The folder.
        folder: PathBuf,
    },
    /// Put a backup in place as the data folder, which must be empty or absent.
    Restore {
        /// The folder of the backup.
        folder: PathBuf,
    },
    /// Codes of the development outbox, the newest first.
    Codes {
        /// Print the newest code to this number, + and the country code first, and nothing else.
        #[arg(long)]
        number: Option<String>,
    },
    /// Make the key pair that reports are sealed to. Keep the private part away from the server.
    ModerationKey {
        /// File for the private part; it must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Open the reports and check who said what.
    Reports {
        /// File with the private part of the moderation key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Delete this report, after it was handled.
        #[arg(long, value_name = "NUMBER")]
        delete: Option<i64>,
    },
    /// Look at, suspend or delete an account.
    #[command(subcommand)]
    Account(accounts::AccountAct),
    /// Count everything.
    Stats,
    /// The app's public key, by which sibling apps and devices know it.
    AppKey,
}

/// Does one act.
pub(crate) fn run(args: AdminArgs) -> Result<()> {
    if let Act::ModerationKey { out } = &args.act {
        return keys::moderation_key(out, args.json);
    }
    let config = serve::load(args.config.as_ref())?;
    match args.act {
        Act::ModerationKey { .. } => Ok(()),
        Act::Backup { folder } => {
            let blobs = operator::backup(&config.data, &folder)?;
            done(args.json, "backup", blobs)
        }
        Act::Restore { folder } => {
            let blobs = operator::restore(&folder, &config.data)?;
            done(args.json, "restore", blobs)
        }
        Act::Codes { number } => codes(&config, number.as_deref(), args.json),
        Act::Reports { key, delete } => reports::run(&config, &key, delete, args.json),
        Act::Account(act) => accounts::run(&config, &act, args.json),
        Act::Stats => stats(&config, args.json),
        Act::AppKey => app_key(&config, args.json),
    }
}

/// The database of the configured server.
fn open(config: &Config) -> Result<rusqlite::Connection> {
    if !config.data.join(operator::DATABASE_FILE).is_file() {
        bail!(
            "there is no database in {}: name the server's configuration with --config",
            config.data.display()
        );
    }
    operator::open(&config.data)
        .with_context(|| format!("the database in {}", config.data.display()))
}

fn done(json: bool, act: &str, blobs: usize) -> Result<()> {
    if json {
        say_json(&serde_json::json!({ "done": act, "blobs": blobs }));
    } else {
        say(&format!("{act} done: the database and {blobs} blobs"));
    }
    Ok(())
}

/// A number as the server keeps it, however people write it: as they may for `register`.
fn e164(number: &str) -> String {
    // What one dials before it within the country is no part of it.
    let number = number.replace("(0)", "");
    let digits = number.chars().filter(char::is_ascii_digit);
    std::iter::once('+').chain(digits).collect()
}

fn codes(config: &Config, number: Option<&str>, json: bool) -> Result<()> {
    let mut codes = operator::codes(&open(config)?)?;
    if let Some(number) = number {
        let number = e164(number);
        codes.retain(|sent| sent.number == number);
        codes.truncate(1);
        if codes.is_empty() {
            bail!("no code was made for this number");
        }
    }
    for sent in codes {
        if json {
            say_json(&sent);
        } else if number.is_some() {
            say(&sent.code);
        } else {
            let when = time(sent.at_ms);
            say(&format!("{}  {}  made {when}", sent.number, sent.code));
        }
    }
    Ok(())
}

fn stats(config: &Config, json: bool) -> Result<()> {
    let stats = operator::stats(&open(config)?)?;
    if json {
        say_json(&stats);
        return Ok(());
    }
    say(&format!("accounts       {}", stats.accounts));
    say(&format!("devices        {}", stats.devices));
    say(&format!("conversations  {}", stats.conversations));
    say(&format!("entries        {}", stats.entries));
    say(&format!(
        "blobs          {} ({} bytes)",
        stats.blobs, stats.blob_bytes
    ));
    say(&format!("reports        {}", stats.reports));
    Ok(())
}

fn app_key(config: &Config, json: bool) -> Result<()> {
    let key = operator::secrets(&open(config)?)?.app_public();
    let key = data_encoding::BASE64URL_NOPAD.encode(&key);
    if json {
        say_json(&serde_json::json!({ "app": config.app, "app_key": key }));
    } else {
        say(&key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::e164;

    #[test]
    fn a_number_is_one_however_it_is_written() {
        for written in [
            "+12025550101",
            "+1 202 555 0101",
            "+1 (202) 555-0101",
            " +1.202.555.0101 ",
        ] {
            assert_eq!(e164(written), "+12025550101", "{written}");
        }
        assert_eq!(e164("+49 (0)30 901820"), "+4930901820");
    }
}
