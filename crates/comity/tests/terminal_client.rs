//! One-to-one conversations between terminal clients, told as stories, and the fields of every
//! `--json` answer.

#[path = "support/mod.rs"]
mod support;
#[path = "terminal_client/talk.rs"]
mod talk;
