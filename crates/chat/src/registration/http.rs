//! HTTP acts of a registration.

use super::decision::{self, CodeLimits, Trial};
use super::{number, sql};
use crate::access::from;
use crate::accounts::{manifests, sql as accounts};
use crate::app::App;
use axum::extract::{Extension, State};
use comity_platform::clock::now_ms;
use comity_platform::listen::Peer;
use comity_platform::secret::{self, equal, keyed_hash, random, random_below};
use comity_platform::{
    Failure,
    http::{Json, Segment},
};
use comity_wire::http::{
    CheckCode, CodeChecked, ExistingAccount, RegistrationStarted, StartRegistration,
};
use comity_wire::{AccountId, Bytes64, ErrorCode};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// Time to create an account after the code was right.
const TOKEN_LIFE_MS: i64 = 30 * 60_000;

/// `POST /v1/registrations`.
pub(crate) async fn start(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Json(request): Json<StartRegistration>,
) -> Result<Json<RegistrationStarted>, Failure> {
    let number = number::parse(&request.number, request.country.as_deref())?;
    app.rates.network(from(&peer))?;
    let code = format!("{:06}", random_below(1_000_000));
    let id = data_encoding::HEXLOWER.encode(&random::<16>());
    let limits = app.config.limits.clone();
    let now = now_ms();
    let started = RegistrationStarted {
        registration: id.clone(),
        number: number.clone(),
        expires_ms: now.saturating_add(limits.code_life_ms),
        next_code_ms: now.saturating_add(limits.code_interval_ms),
    };
    let (on_app, expires_ms, sent) = (app.clone(), started.expires_ms, code.clone());
    let to = number.clone();
    app.db
        .write(move |conn, _| {
            let code_limits = CodeLimits {
                interval_ms: limits.code_interval_ms,
                per_day: limits.codes_per_number_per_day,
            };
            decision::may_send(&sql::sent_ms(conn, &to, now)?, now, code_limits)?;
            conn.prepare_cached(
                "INSERT INTO registration (id, number, code_hash, made_ms, expires_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                id,
                to,
                code_hash(&on_app, &id, &sent),
                now,
                expires_ms
            ])?;
            on_app.codes.store(conn, &to, &sent, now)?;
            Ok(())
        })
        .await?;
    let sent = app
        .codes
        .send(app.id.as_str(), &app.config.name, &number, &code)
        .await;
    if let Err(failure) = sent {
        // A code that never left is not counted against the number.
        app.db
            .write(move |conn, _| {
                conn.prepare_cached("DELETE FROM registration WHERE id = ?1")?
                    .execute([&started.registration])?;
                Ok(())
            })
            .await?;
        return Err(failure);
    }
    Ok(Json(started))
}

fn code_hash(app: &App, registration: &str, code: &str) -> Vec<u8> {
    let parts = [registration.as_bytes(), code.as_bytes()];
    keyed_hash(&app.secrets.pepper, "comity code", &parts).to_vec()
}

/// `POST /v1/registrations/{registration}/code`.
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    Json(request): Json<CheckCode>,
) -> Result<Json<CodeChecked>, Failure> {
    let on_app = app.clone();
    // A wrong code is counted, so it must not undo its own counting: the refusal is the value.
    app.db
        .write(move |conn, _| {
            let now = now_ms();
            let waiting = sql::waiting(conn, &id)?
                .ok_or_else(|| Failure::refused(ErrorCode::CodeExpired, "no such registration"))?;
            let fits = equal(&code_hash(&on_app, &id, &request.code), &waiting.code_hash);
            let trial = Trial {
                attempts: waiting.attempts,
                expires_ms: waiting.expires_ms,
                fits,
            };
            if let Err(refused) = decision::check_code(trial, now) {
                conn.prepare_cached(
                    "UPDATE registration SET attempts = attempts + 1 WHERE id = ?1",
                )?
                .execute([&id])?;
                return Ok(Err(refused));
            }
            proven(conn, &on_app, &id, &waiting.number, now).map(Ok)
        })
        .await?
        .map(Json)
        .map_err(Failure::from)
}

fn proven(
    conn: &Connection,
    app: &App,
    id: &str,
    number: &str,
    now: i64,
) -> Result<CodeChecked, Failure> {
    let token = random::<32>();
    let existing = accounts::by_number(conn, number)?;
    // Whoever knows the code may ask again (a lost answer); the newest token counts.
    conn.prepare_cached(
        "UPDATE registration SET token_hash = ?2, token_expires_ms = ?3, existing = ?4
         WHERE id = ?1 AND made_account IS NULL",
    )?
    .execute(params![
        id,
        secret::hash(&token).as_slice(),
        now + TOKEN_LIFE_MS,
        existing.map(|account| account.to_vec())
    ])?;
    let existing = existing
        .map(|account| describe(conn, app, account, now))
        .transpose()?;
    Ok(CodeChecked {
        registration_token: Bytes64(token.to_vec()),
        existing,
    })
}

fn describe(
    conn: &Connection,
    app: &App,
    account: AccountId,
    now: i64,
) -> Result<ExistingAccount, Failure> {
    let manifest = manifests::bytes(conn, &app.address(account))?
        .ok_or_else(|| Failure::internal("an account without manifest"))?;
    let recovery_box: Vec<u8> = conn
        .prepare_cached("SELECT recovery_box FROM account WHERE id = ?1")?
        .query_row([account.as_bytes()], |row| row.get(0))?;
    let lock = accounts::lock(conn, &account)?;
    let locked_until = lock.active_ms + app.config.retention.registration_lock_idle_ms;
    let locked = !lock.hash.is_empty() && locked_until > now;
    Ok(ExistingAccount {
        account,
        manifest: Bytes64(manifest),
        recovery_box: (!recovery_box.is_empty()).then_some(Bytes64(recovery_box)),
        locked_until_ms: locked.then_some(locked_until),
        lock_salt: (!lock.salt.is_empty()).then_some(Bytes64(lock.salt)),
    })
}
