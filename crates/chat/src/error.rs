//! How refusals of the public half of MLS become stable codes.

use comity_membership::manifest::ManifestError;
use comity_membership::{MlsError, Refusal};
use comity_platform::Failure;
use comity_wire::ErrorCode;

/// A refused MLS object.
pub(crate) fn mls(error: &MlsError) -> Failure {
    let code = match error {
        MlsError::StaleEpoch | MlsError::FutureEpoch => ErrorCode::StaleEpoch,
        MlsError::State => return Failure::internal(error),
        _ => ErrorCode::MlsInvalid,
    };
    Failure::refused(code, error.to_string())
}

/// A refused change.
pub(crate) fn refusal(refusal: &Refusal) -> Failure {
    let code = match refusal {
        Refusal::NotMember => ErrorCode::NotMember,
        Refusal::NotAdmin => ErrorCode::Forbidden,
        Refusal::TooManyAdditions | Refusal::TooManyDevices => ErrorCode::TooMany,
        _ => ErrorCode::MlsInvalid,
    };
    Failure::refused(code, refusal.to_string())
}

/// A refused manifest.
pub(crate) fn manifest(error: &ManifestError) -> Failure {
    let code = match error {
        ManifestError::Malformed(_) => ErrorCode::Malformed,
        ManifestError::Signature => ErrorCode::SignatureInvalid,
        _ => ErrorCode::ManifestInvalid,
    };
    Failure::refused(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_that_is_full_has_its_code_and_says_so() {
        let Failure::Refused(error) = refusal(&Refusal::TooManyDevices) else {
            panic!("a refusal");
        };
        assert_eq!(error.code, ErrorCode::TooMany);
        assert_eq!(error.message, "a conversation has at most 1024 devices");
        assert_eq!(error.retry_after_ms, 0, "waiting does not help");
    }
}
