//! A year, lived: real processes under another date, month by month.
//!
//! The short form goes in steps of 29 days, as long as a device may stay away without being taken
//! out; `COMITY_YEAR=full` (or the soak's seeds) goes week by week, with absences of 10 to 100 days.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

#[path = "year/calendar.rs"]
mod calendar;
#[path = "year/hours.rs"]
mod hours;
#[path = "year/people.rs"]
mod people;
#[path = "year/store.rs"]
mod store;
#[path = "year/world.rs"]
mod world;

use calendar::Calendar;
use people::Story;

#[test]
fn conversations_devices_and_history_survive_a_year() {
    let full = std::env::var("COMITY_YEAR").is_ok_and(|form| form == "full")
        || std::env::var_os("COMITY_YEAR_COUNT").is_some();
    let calendar = if full {
        Calendar::full()
    } else {
        Calendar::short()
    };
    let mut story = Story::begin();
    for session in calendar.sessions() {
        story.live(session);
    }
    story.look_back();
}

#[test]
fn a_connection_outlives_its_token() {
    hours::outlive_the_token();
}

#[test]
fn codes_and_link_offers_expire() {
    hours::expire();
}
