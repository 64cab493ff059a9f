//! Accounts, for the operator: never what they say, never whom they know.

use crate::terminal::{day, say, say_json, time};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use comity_chat::{Config, operator};
use comity_wire::AccountId;
use rusqlite::Connection;

/// What to do with an account; it is named by id or by number, + and the country code first.
#[derive(Subcommand, Debug)]
pub(super) enum AccountAct {
    /// What the server knows of it.
    Show {
        /// Id or number.
        account: String,
    },
    /// It can not sign in any more; a running server ends its connections within seconds.
    Suspend {
        /// Id or number.
        account: String,
    },
    /// It can sign in again.
    Resume {
        /// Id or number.
        account: String,
    },
    /// Delete it for good; a running server does so within seconds, else the next start.
    Delete {
        /// Id or number.
        account: String,
    },
}

fn find(conn: &Connection, name: &str) -> Result<AccountId> {
    if name.trim().starts_with('+') {
        let number = super::e164(name);
        return operator::account_of_number(conn, &number)?.context("nobody has this number");
    }
    name.parse().map_err(|_| {
        anyhow::anyhow!("{name}: an account is named by its number, + and the country code first, or by its id of 32 hexadecimal digits")
    })
}

/// Does one act.
pub(super) fn run(config: &Config, act: &AccountAct, json: bool) -> Result<()> {
    let conn = super::open(config)?;
    let (AccountAct::Show { account: name }
    | AccountAct::Suspend { account: name }
    | AccountAct::Resume { account: name }
    | AccountAct::Delete { account: name }) = act;
    let account = find(&conn, name)?;
    let (done, what) = match act {
        AccountAct::Show { .. } => return show(&conn, &account, json),
        AccountAct::Suspend { .. } => (operator::suspend(&conn, &account, true)?, "suspended"),
        AccountAct::Resume { .. } => (operator::suspend(&conn, &account, false)?, "resumed"),
        AccountAct::Delete { .. } => (operator::order_deletion(&conn, &account)?, "to be deleted"),
    };
    if !done {
        bail!("there is no such account");
    }
    if json {
        say_json(&serde_json::json!({ "account": account, "done": what }));
    } else {
        say(&format!("{account} is {what}"));
    }
    Ok(())
}

fn show(conn: &Connection, account: &AccountId, json: bool) -> Result<()> {
    let facts = operator::account(conn, account)?.context("there is no such account")?;
    if json {
        say_json(&facts);
        return Ok(());
    }
    say(&format!("account        {}", facts.account));
    say(&format!("made           {}", time(facts.created_ms)));
    say(&format!("last active    {}", day(facts.active_ms)));
    say(&format!("suspended      {}", facts.suspended));
    say(&format!("devices        {}", facts.devices));
    say(&format!("conversations  {}", facts.conversations));
    say(&format!("blobs          {} bytes", facts.blob_bytes));
    Ok(())
}
