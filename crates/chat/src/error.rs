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
