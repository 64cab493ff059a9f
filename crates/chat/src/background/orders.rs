//! What the operator decided on the database beside the running server: suspended accounts are
//! disconnected, those ordered deleted are deleted.

use super::{log_failure, stopped_within};
use crate::accounts::deletion;
use crate::app::App;
use comity_platform::Failure;
use comity_wire::{AccountId, DeviceId, ErrorCode};
use std::sync::Arc;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(2);

pub(super) async fn orders_loop(app: Arc<App>) {
    while !stopped_within(&app, INTERVAL).await {
        log_failure("the operator's orders", follow(&app).await);
    }
}

async fn follow(app: &Arc<App>) -> Result<(), Failure> {
    let (delete, suspended) = app
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
            Ok((delete, suspended))
        })
        .await?;
    for account in delete {
        deletion::delete(app, account).await?;
    }
    for device in suspended {
        if let Some(outbound) = app.live.outbound(&device) {
            outbound.close(ErrorCode::AccountGone, 0);
        }
    }
    Ok(())
}
