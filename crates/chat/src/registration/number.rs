//! Phone numbers: as typed, to E.164.

use comity_wire::{ErrorCode, WireError};
use phonenumber::Mode;

/// The number as E.164.
///
/// # Errors
/// `number_invalid`.
pub(crate) fn parse(number: &str, country: Option<&str>) -> Result<String, WireError> {
    let invalid = || {
        WireError::new(
            ErrorCode::NumberInvalid,
            "not a phone number that can exist",
        )
    };
    if number.len() > 64 {
        return Err(invalid());
    }
    let country = match country {
        None | Some("") => None,
        Some(text) => Some(text.to_ascii_uppercase().parse().map_err(|_| invalid())?),
    };
    let number = phonenumber::parse(country, number).map_err(|_| invalid())?;
    if !number.is_valid() {
        return Err(invalid());
    }
    Ok(number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_type_them() {
        assert_eq!(parse("+1 (202) 555-0123", None).unwrap(), "+12025550123");
        assert_eq!(parse("202-555-0123", Some("us")).unwrap(), "+12025550123");
        assert_eq!(parse("030 901820", Some("DE")).unwrap(), "+4930901820");
    }

    #[test]
    fn what_can_not_be_a_number_is_refused() {
        for text in [
            "",
            "hello",
            "+1",
            "202-555-0123",
            "+999 123 456 789",
            &"1".repeat(65),
        ] {
            assert_eq!(
                parse(text, None).unwrap_err().code,
                ErrorCode::NumberInvalid,
                "{text}"
            );
        }
        assert!(parse("202-555-0123", Some("XX")).is_err());
    }
}
