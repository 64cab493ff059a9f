//! The Comity programs: `serve` (an app's server), `chat` (the terminal client), `admin` (the
//! operator's tool), `demo` (all of it on loopback, with sample people) and `bench` (how fast a server
//! and a client are).

mod admin;
mod bench;
mod chat;
mod demo;
mod serve;
mod terminal;
mod web;

use clap::{Parser, Subcommand};

/// Messaging that its operator can not read, run by whoever needs it.
#[derive(Parser)]
#[command(version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// Runs an app's server.
    Serve(serve::ServeArgs),
    /// The terminal client: talk, or do one act for a script.
    Chat(Box<chat::ChatArgs>),
    /// The operator's tool: backups, reports, accounts.
    Admin(admin::AdminArgs),
    /// Runs a whole app on loopback with sample people.
    Demo(demo::DemoArgs),
    /// Measures a server, and the client's core at it: starts one on loopback, loads it, tells what that cost.
    Bench(Box<comity_bench::BenchArgs>),
}

fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Also a script that asks wrongly is answered in its own language.
            if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
                let message = error.to_string();
                terminal::say_json(
                    &serde_json::json!({ "error": "usage", "message": message.trim_end() }),
                );
            }
            error.exit();
        }
    };
    let program = arguments.program;
    if matches!(
        program,
        Program::Serve(_) | Program::Admin(_) | Program::Demo(_) | Program::Bench(_)
    ) {
        // What a server or its operator writes holds numbers and keys: for their own user only.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }
    let outcome = match program {
        Program::Serve(args) => serve::run(args),
        Program::Chat(args) => chat::run(*args),
        Program::Admin(args) => admin::run(args),
        Program::Demo(args) => demo::run(args),
        Program::Bench(args) => bench::run(&args),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&chat::in_words(&error));
            std::process::ExitCode::FAILURE
        }
    }
}
