//! The decisions of a registration: may a code be sent, is a code right.

use comity_wire::{ErrorCode, UnixMs, WireError, limits};

/// The limits on codes to one number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodeLimits {
    pub(crate) interval_ms: i64,
    pub(crate) per_day: u32,
}

/// Whether another code may go to a number: `sent_ms` are the times of those of the last day, the
/// newest first.
///
/// # Errors
/// `rate_limited`, with the time until one may.
pub(crate) fn may_send(
    sent_ms: &[UnixMs],
    now_ms: UnixMs,
    limits: CodeLimits,
) -> Result<(), WireError> {
    let wait = |ms: i64| {
        Err(WireError::new(ErrorCode::RateLimited, "a code was sent already").retry_after_ms(ms))
    };
    if let Some(newest) = sent_ms.first() {
        let next = newest + limits.interval_ms;
        if now_ms < next {
            return wait(next - now_ms);
        }
    }
    let per_day = usize::try_from(limits.per_day).unwrap_or(usize::MAX);
    if sent_ms.len() >= per_day
        && let Some(oldest) = sent_ms.get(per_day.saturating_sub(1))
    {
        return wait((oldest + DAY_MS - now_ms).max(1));
    }
    Ok(())
}

/// A day.
pub(crate) const DAY_MS: i64 = 24 * 3_600_000;

/// A registration as it stands when a code is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    pub(crate) attempts: u32,
    pub(crate) expires_ms: UnixMs,
    pub(crate) fits: bool,
}

/// Whether a code is taken.
///
/// # Errors
/// `code_expired` when no code is taken any more, `code_wrong` when another one may be tried.
pub(crate) fn check_code(trial: Trial, now_ms: UnixMs) -> Result<(), WireError> {
    if now_ms >= trial.expires_ms || trial.attempts >= limits::CODE_ATTEMPTS_MAX {
        return Err(WireError::new(ErrorCode::CodeExpired, "ask for a new code"));
    }
    if trial.fits {
        Ok(())
    } else {
        Err(WireError::new(ErrorCode::CodeWrong, "not the code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CodeLimits = CodeLimits {
        interval_ms: 1_000,
        per_day: 3,
    };

    #[test]
    fn codes_are_apart_and_few() {
        assert!(may_send(&[], 0, LIMITS).is_ok());
        assert_eq!(
            may_send(&[500], 1_000, LIMITS).unwrap_err().retry_after_ms,
            500
        );
        assert!(may_send(&[500], 1_500, LIMITS).is_ok());
        let refused = may_send(&[9_000, 5_000, 1_000], 20_000, LIMITS).unwrap_err();
        assert_eq!(i64::from(refused.retry_after_ms), 1_000 + DAY_MS - 20_000);
    }

    #[test]
    fn the_sixth_try_and_the_late_one_are_not_looked_at() {
        let right = Trial {
            attempts: 4,
            expires_ms: 100,
            fits: true,
        };
        assert!(check_code(right, 99).is_ok());
        let code = |trial, now| check_code(trial, now).unwrap_err().code;
        assert_eq!(code(right, 100), ErrorCode::CodeExpired);
        assert_eq!(
            code(
                Trial {
                    attempts: 5,
                    ..right
                },
                0
            ),
            ErrorCode::CodeExpired
        );
        assert_eq!(
            code(
                Trial {
                    fits: false,
                    ..right
                },
                0
            ),
            ErrorCode::CodeWrong
        );
    }
}
