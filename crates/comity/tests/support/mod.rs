//! A world for tests: a real server, and people who are processes of the terminal client.
//!
//! Always holds: what a [`World`] started ends with it, and every wait has an end. Deliberately
//! absent: retries. What does not work the first time fails its test.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    reason = "each test takes what it needs"
)]

mod folder;
mod person;
mod process;
mod server;

pub use folder::copy;
pub use person::{PASSPHRASE, Person, Refusal, Watch, told};
pub use process::{Ended, Running};
pub use server::World;

use std::time::Duration;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_comity");

/// Sends a process a signal, by the signal's name.
pub fn signal(pid: u32, name: &str) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match name {
        "TERM" => Signal::TERM,
        "STOP" => Signal::STOP,
        "CONT" => Signal::CONT,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        other => panic!("{other}: no such signal here"),
    };
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// No act may take longer.
pub const PATIENCE: Duration = Duration::from_secs(90);
