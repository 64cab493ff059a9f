//! Nothing is lost when programs are killed: see [`lost`].
//!
//! `COMITY_KILL_FROM` and `COMITY_KILL_COUNT` say which kills; without them a few.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod lost;
mod support;

#[test]
fn nothing_is_lost_when_programs_are_killed() {
    let (from, count) = lost::range("KILL", 5);
    lost::story(lost::Fault::Kill, from, count);
}
