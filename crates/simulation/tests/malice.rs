//! A malicious server, a story a lie: what the person who is lied to reads on the screen.
//!
//! The words are those of the terminal client. On a known account every lie is noticed and said;
//! at first contact the server is believed, and the screen says that too.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "malice/back.rs"]
mod back;
#[path = "malice/devices.rs"]
mod devices;
#[path = "malice/files.rs"]
mod files;
#[path = "malice/forks.rs"]
mod forks;
#[path = "malice/groups.rs"]
mod groups;
#[path = "malice/logs.rs"]
mod logs;
#[path = "malice/members.rs"]
mod members;
#[path = "malice/nonsense.rs"]
mod nonsense;
#[path = "malice/people.rs"]
mod people;
#[path = "../../comity/src/chat/safe_text.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, unused)]
mod safe_text;
#[path = "malice/screen.rs"]
mod screen;
#[path = "malice/warnings.rs"]
mod warnings;
#[path = "../../comity/src/chat/words.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, unused)]
mod words;
