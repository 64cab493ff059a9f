//! What the operator decided on the database beside the running server: suspended accounts are
//! disconnected, those ordered deleted are deleted.

use super::{log_failure, stopped_within};
use crate::accounts::deletion;
use crate::app::App;
use comity_platform::Failure;
use comity_wire::{AccountId, DeviceId, ErrorCode};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(2);

pub(super) async fn orders_loop(app: Arc<App>) {
    let mut before = None;
    while !stopped_within(&app, INTERVAL).await {
        log_failure("the operator's orders", follow(&app, &mut before).await);
    }
}

/// Accounts that are suspended.
type Suspended = BTreeSet<AccountId>;

/// `before` are those of last time; absent at the start, when nothing has changed yet.
async fn follow(app: &Arc<App>, before: &mut Option<Suspended>) -> Result<(), Failure> {
    let (delete, accounts, suspended) = app
        .db
        .read(|conn| {
            let mut accounts =
                conn.prepare_cached("SELECT id FROM account WHERE suspended = 2 LIMIT 100")?;
            let delete = accounts
                .query_map([], |row| Ok(AccountId::new(row.get(0)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            let mut devices = conn.prepare_cached(
                "SELECT d.id FROM account a JOIN device d ON d.account = a.id
                 WHERE a.suspended = 1",
            )?;
            let suspended = devices
                .query_map([], |row| Ok(DeviceId::new(row.get(0)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            let mut accounts = conn.prepare_cached("SELECT id FROM account WHERE suspended = 1")?;
            let accounts = accounts
                .query_map([], |row| Ok(AccountId::new(row.get(0)?)))?
                .collect::<Result<Suspended, _>>()?;
            Ok((delete, accounts, suspended))
        })
        .await?;
    if let Some(before) = before.replace(accounts.clone()) {
        // That the operator did it stands in the log, to whom not.
        let more = accounts.difference(&before).count();
        let fewer = before.difference(&accounts);
        let fewer = fewer.filter(|account| !delete.contains(account)).count();
        if more > 0 {
            tracing::info!(accounts = more, "suspended by the operator");
        }
        if fewer > 0 {
            tracing::info!(accounts = fewer, "no longer suspended");
        }
    }
    for account in delete {
        deletion::delete(app, account).await?;
        tracing::info!("an account was deleted as ordered");
    }
    for device in suspended {
        if let Some(outbound) = app.live.outbound(&device) {
            outbound.close(ErrorCode::AccountGone, 0);
        }
    }
    Ok(())
}
