//! Keys, leaves and room at their limits, a story each: what the people who meet one of them read on
//! the screen, and that all goes on. The words are those of the terminal client.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "edges/key_packages.rs"]
mod key_packages;
#[path = "edges/leaves.rs"]
mod leaves;
#[path = "edges/room.rs"]
mod room;
#[path = "../../comity/src/chat/safe_text.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, unused)]
mod safe_text;
#[path = "malice/screen.rs"]
#[allow(dead_code)]
mod screen;
#[path = "../../comity/src/chat/words.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, unused)]
mod words;
