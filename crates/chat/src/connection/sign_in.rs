//! Signing in: hello, challenge, a signature by the device's key.

use crate::accounts::sql;
use crate::app::{App, Caller};
use comity_membership::manifest;
use comity_platform::clock::now_ms;
use comity_platform::token::Claim;
use comity_platform::{Failure, secret};
use comity_wire::proto::{Challenge, Hello, SignIn, SignedIn};
use comity_wire::{
    DeviceId, ErrorCode, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, limits, sign_in_message,
};

/// Longest name of a program.
const AGENT_BYTES_MAX: usize = 64;

/// A challenge that waits for its signature.
#[derive(Debug, Clone)]
pub(super) struct Challenged {
    device: DeviceId,
    nonce: [u8; 32],
    /// When it said hello, among all connections.
    pub(super) arrival: u64,
}

/// Answers a hello.
pub(super) fn challenge(app: &App, hello: &Hello) -> Result<(Challenged, Challenge), Failure> {
    if hello.version < PROTOCOL_VERSION_MIN || hello.version > PROTOCOL_VERSION {
        return Err(Failure::refused(
            ErrorCode::VersionUnsupported,
            format!("versions {PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION} are spoken"),
        ));
    }
    if hello.agent.len() > AGENT_BYTES_MAX {
        return Err(Failure::refused(
            ErrorCode::TooLarge,
            "the agent's name is too long",
        ));
    }
    let challenged = Challenged {
        device: DeviceId::from_slice(&hello.device)?,
        nonce: secret::random(),
        arrival: app.live.arrive(),
    };
    let challenge = Challenge {
        nonce: challenged.nonce.to_vec(),
        app: app.id.to_string(),
        version: PROTOCOL_VERSION,
        version_min: PROTOCOL_VERSION_MIN,
    };
    Ok((challenged, challenge))
}

/// Checks the signature; the device is here from now on.
pub(super) async fn sign_in(
    app: &App,
    challenged: Challenged,
    request: SignIn,
    exporter: Option<[u8; 32]>,
) -> Result<(Caller, SignedIn), Failure> {
    let refused = |what: &str| Failure::refused(ErrorCode::Unauthenticated, what);
    let exporter = match (request.exporter, exporter) {
        (true, None) => return Err(refused("there is no TLS exporter on this connection")),
        (true, exporter) => exporter,
        (false, _) => None,
    };
    let device = challenged.device;
    let signed = sign_in_message(
        &app.id,
        &device,
        &challenged.nonce,
        exporter.as_ref().map(<[u8; 32]>::as_slice),
    );
    let seen_ms = app.seen_now_ms();
    let id = app.id.clone();
    let (caller, manifest_seq, one_time_key_packages, was_seen) = app
        .db
        .read(move |conn| {
            let Some(row) = sql::device(conn, &device)? else {
                return Err(if sql::is_device_gone(conn, &device)? {
                    Failure::refused(ErrorCode::AccountGone, "the account was deleted")
                } else {
                    refused("unknown device")
                });
            };
            if !manifest::holds(&row.signature_key, &signed, &request.signature) {
                return Err(refused("the signature does not verify"));
            }
            sql::may_act(conn, &row.account, &device)?;
            let address = comity_wire::Address::new(id, row.account).to_string();
            let seq = conn
                .prepare_cached("SELECT seq FROM manifest WHERE address = ?1")?
                .query_row([address], |row| row.get::<_, u64>(0))?;
            let seen: i64 = conn
                .prepare_cached("SELECT seen_ms FROM device WHERE id = ?1")?
                .query_row([device.as_bytes()], |row| row.get(0))?;
            let left = crate::key_packages::left(conn, &device, now_ms())?;
            Ok((
                Caller {
                    account: row.account,
                    device,
                    sibling: None,
                },
                seq,
                left,
                seen >= seen_ms,
            ))
        })
        .await?;
    if !was_seen {
        app.db
            .write(move |conn, _| Ok(sql::seen(conn, &device, seen_ms)?))
            .await?;
    }
    let now = now_ms();
    let claim = Claim {
        account: caller.account,
        device,
        expires_ms: now + limits::TOKEN_LIFE_MS,
    };
    let signed_in = SignedIn {
        token: claim.seal(&app.secrets.token),
        token_expires_ms: claim.expires_ms,
        now_ms: now,
        manifest_seq,
        one_time_key_packages,
    };
    Ok((caller, signed_in))
}
