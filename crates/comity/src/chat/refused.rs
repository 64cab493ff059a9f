//! Why an act did not come to its end, for people and for scripts.

use super::net::{Trouble, UNREACHABLE};

/// An act that the app or the core refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{act}: {message} ({code}{})", wait(*.retry_after_ms))]
pub(crate) struct Refused {
    /// The act.
    pub(crate) act: String,
    /// Stable code.
    pub(crate) code: String,
    /// For people and developers.
    pub(crate) message: String,
    /// 0 when waiting will not help.
    pub(crate) retry_after_ms: u32,
}

/// An act that did not come to its end, of what is kept here: it is not to be repeated.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Kept(pub(crate) Refused);

/// Of something that is kept here.
pub(super) fn kept(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Refused>() {
        Ok(refused) => Kept(refused).into(),
        Err(error) => error,
    }
}

impl Refused {
    /// The app no longer lets this account act.
    pub(crate) fn account_gone() -> Self {
        let message = "the app says that this account is no more, or suspended";
        Self::here("sign_in", "account_gone", message.to_owned())
    }

    /// What was named is not here.
    pub(crate) fn not_found(message: String) -> Self {
        Self::here("find", "not_found", message)
    }

    /// Refused on this device, for good.
    pub(crate) fn here(act: &str, code: &str, message: String) -> Self {
        Self {
            act: act.to_owned(),
            code: code.to_owned(),
            message,
            retry_after_ms: 0,
        }
    }
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        if trouble.code != UNREACHABLE {
            return Self::here("sign_in", &trouble.code, trouble.reason);
        }
        Self {
            act: "connect".to_owned(),
            code: trouble.code,
            message: format!("the server was not reached: {}", trouble.reason),
            retry_after_ms: 1,
        }
    }
}

/// Why something did not come to its end, for who talks: without the step and the code that are for
/// scripts, and with the commands that there are in the talk.
pub(crate) fn while_talking(error: &anyhow::Error) -> String {
    let kept = error.downcast_ref::<Kept>().map(|kept| &kept.0);
    let words = match kept.or_else(|| error.downcast_ref::<Refused>()) {
        Some(refused) => format!("{}{}", refused.message, wait(refused.retry_after_ms)),
        None => format!("{error:#}"),
    };
    words
        .replace("`conversations`", "/list")
        .replace("`contacts`", "/contacts")
        .replace("`account`", "/devices")
}

/// How long to wait, where that is long enough to be said.
fn wait(retry_after_ms: u32) -> String {
    match retry_after_ms.div_ceil(1_000) {
        0 | 1 => String::new(),
        seconds @ 2..120 => format!("; try again in {seconds} seconds"),
        seconds @ 120..7_200 => format!("; try again in {} minutes", seconds.div_ceil(60)),
        seconds @ 7_200..172_800 => format!("; try again in {} hours", seconds.div_ceil(3_600)),
        seconds => format!("; try again in {} days", seconds.div_ceil(86_400)),
    }
}
