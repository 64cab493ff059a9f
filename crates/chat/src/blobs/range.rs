//! The `Range` header: one range of bytes.

use std::ops::Range;

/// What a `Range` header asks of something of this size: nothing asked, a range, or what can not
/// be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    All,
    Part(Range<u64>),
    Impossible,
}

/// Reads the header's value. What is not one range of bytes is passed over, as RFC 9110 allows.
pub(crate) fn parse(value: Option<&str>, size: u64) -> Asked {
    let Some((first, last)) =
        value.and_then(|value| value.trim().strip_prefix("bytes=")?.split_once('-'))
    else {
        return Asked::All;
    };
    let (start, end) = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(size)),
        (Ok(start), Err(_)) if last.trim().is_empty() => (start, size),
        (Err(_), Ok(suffix)) if first.trim().is_empty() => (size.saturating_sub(suffix), size),
        _ => return Asked::All,
    };
    if start < end {
        Asked::Part(start..end)
    } else {
        Asked::Impossible
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_they_come() {
        assert_eq!(parse(None, 10), Asked::All);
        assert_eq!(parse(Some("bytes=0-3"), 10), Asked::Part(0..4));
        assert_eq!(parse(Some("bytes=4-"), 10), Asked::Part(4..10));
        assert_eq!(parse(Some("bytes=-3"), 10), Asked::Part(7..10));
        assert_eq!(parse(Some("bytes=4-99"), 10), Asked::Part(4..10));
        assert_eq!(parse(Some("bytes=10-"), 10), Asked::Impossible);
        assert_eq!(
            parse(Some("bytes=0-18446744073709551615"), 10),
            Asked::Part(0..10)
        );
        assert_eq!(parse(Some("bytes=3-1"), 10), Asked::All);
        assert_eq!(parse(Some("lines=1-2"), 10), Asked::All);
        assert_eq!(parse(Some("bytes=1-2,4-5"), 10), Asked::All);
    }
}
