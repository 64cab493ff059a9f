//! Where codes go: the development outbox in the database, or a webhook that sends them.

use crate::config::{CodeSender, Codes};
use comity_platform::Failure;
use comity_wire::{ErrorCode, UnixMs, WireError};
use rusqlite::{Connection, params};
use std::time::Duration;

/// The way that codes go.
#[derive(Debug)]
pub(crate) struct CodeDelivery {
    codes: Codes,
    client: Option<reqwest::Client>,
}

impl CodeDelivery {
    pub(crate) fn new(codes: &Codes) -> Result<Self, reqwest::Error> {
        let client = match codes.sender {
            CodeSender::Outbox => None,
            CodeSender::Webhook => Some(
                reqwest::Client::builder()
                    .timeout(Duration::from_millis(codes.webhook_timeout_ms))
                    .build()?,
            ),
        };
        Ok(Self {
            codes: codes.clone(),
            client,
        })
    }

    /// Within the registration's own transaction: the outbox.
    pub(super) fn store(
        &self,
        conn: &Connection,
        number: &str,
        code: &str,
        now_ms: UnixMs,
    ) -> Result<(), rusqlite::Error> {
        if self.client.is_none() {
            conn.execute(
                "INSERT INTO code_outbox (number, code, at_ms) VALUES (?1, ?2, ?3)",
                params![number, code, now_ms],
            )?;
        }
        Ok(())
    }

    /// After it: the webhook, tried a few times.
    ///
    /// # Errors
    /// `unavailable` when no try worked.
    pub(super) async fn send(
        &self,
        app: &str,
        name: &str,
        number: &str,
        code: &str,
    ) -> Result<(), Failure> {
        let (Some(client), Some(url)) = (&self.client, &self.codes.webhook_url) else {
            return Ok(());
        };
        let body = serde_json::json!({ "number": number, "code": code, "app": app, "name": name });
        let mut pause = Duration::from_millis(200);
        for attempt in 1..=self.codes.webhook_tries.max(1) {
            let mut request = client.post(url).json(&body);
            if let Some(token) = &self.codes.webhook_token {
                request = request.bearer_auth(token);
            }
            match request.send().await {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => {
                    tracing::warn!(status = response.status().as_u16(), attempt, "code webhook");
                }
                // The error's own text would name the address, which may hold a key.
                Err(error) => tracing::warn!(
                    timeout = error.is_timeout(),
                    connect = error.is_connect(),
                    attempt,
                    "code webhook"
                ),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let error = WireError::new(ErrorCode::Unavailable, "the code could not be sent");
        Err(error.retry_after_ms(10_000).into())
    }
}
