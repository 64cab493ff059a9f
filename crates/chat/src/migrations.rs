//! The database's versions, in order. A released one is never changed.

/// SQL that leads from version n to n+1.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_start.sql"),
    include_str!("../migrations/0002_groups.sql"),
    include_str!("../migrations/0003_family.sql"),
    include_str!("../migrations/0004_limits.sql"),
    include_str!("../migrations/0005_followed_as_of.sql"),
    include_str!("../migrations/0006_newcomers.sql"),
    include_str!("../migrations/0007_reports.sql"),
    include_str!("../migrations/0008_packed_cursors.sql"),
    include_str!("../migrations/0009_shared_rows.sql"),
    include_str!("../migrations/0010_stays.sql"),
    include_str!("../migrations/0011_came_in_by.sql"),
];
