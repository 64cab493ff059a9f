//! `comity demo`: a whole app on loopback with sample people, made by the real programs.
//!
//! Every person is a process of `comity chat` on a store of its own, the server is `comity serve`;
//! nothing here knows more than they tell. The demo ends with the conversation as each side saw
//! it, then stays up to be joined.

mod people;
mod server;
mod story;

use crate::terminal::say;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// A whole app on loopback.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Plays the story, checks what each side saw, ends.
    #[arg(long)]
    check: bool,
    /// Goes on with the demo folder of last time instead of beginning anew.
    #[arg(long)]
    keep: bool,
    /// Writes addresses, ids and tokens as KEY=VALUE lines for programs from outside.
    #[arg(long)]
    env: Option<PathBuf>,
    /// Folder of the demo.
    #[arg(long, default_value = "demo")]
    folder: PathBuf,
    /// Port of the app; 0 lets the system choose.
    #[arg(long, default_value_t = 8480)]
    port: u16,
}

/// Runs the demo.
pub(crate) fn run(args: DemoArgs) -> Result<()> {
    let folder = std::path::absolute(&args.folder)?;
    let played = folder.join("played");
    let again = args.keep && played.exists();
    if folder.exists() && !again {
        if !folder.join("comity-demo").exists() {
            bail!(
                "{} exists and is not a demo's folder: give another one with --folder",
                folder.display()
            );
        }
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    std::fs::write(
        folder.join("comity-demo"),
        "A folder of `comity demo`: it is deleted at the next start.\n",
    )?;
    let port = if args.check { 0 } else { args.port };
    let mut server = server::Server::start(&folder, port)?;
    say(&format!(
        "{}  — the app “Comity Demo”: what runs, and how to join",
        server.url()
    ));
    let people = people::People::new(&folder, server.url().to_owned())?;
    if !again {
        story::play(&people, &mut server)?;
        std::fs::write(&played, "")?;
    }
    let seen = story::as_each_side_saw_it(&people)?;
    if args.check {
        story::check(&seen)?;
        say("The story went as it should.");
        return server.stop();
    }
    if let Some(env) = &args.env {
        write_env(env, &people, server.url())?;
    }
    say("");
    say("The app stays up. Join in from another terminal:");
    say(&format!(
        "  comity chat --server {} --store me register +12025550199 --name 'Your name'",
        server.url()
    ));
    say(&format!(
        "      (codes are shown at {}/dev/codes)",
        server.url()
    ));
    say("  comity chat --store me        then  /to +12025550102   and write to Bob");
    say("Bob answers requests by himself. Stop with Ctrl-C.");
    let mut bob = people.bot("bob")?;
    wait_for_stop(&mut server, &mut bob)?;
    let _ = bob.kill();
    let _ = bob.wait();
    server.stop()
}

/// Waits for Ctrl-C or SIGTERM; a server that ends by itself ends the demo.
fn wait_for_stop(server: &mut server::Server, bob: &mut std::process::Child) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                () = tokio::time::sleep(Duration::from_millis(500)) => {
                    if !server.is_up()? {
                        bail!("the server ended");
                    }
                    if bob.try_wait()?.is_some() {
                        bail!("Bob's program ended");
                    }
                }
            }
        }
    })
}

fn write_env(path: &std::path::Path, people: &people::People, url: &str) -> Result<()> {
    let mut lines = vec![format!("COMITY_URL={url}")];
    for name in ["alice", "bob"] {
        let account = people.act(name, &["account"])?;
        let account = account.first().context("no account")?;
        let upper = name.to_uppercase();
        lines.push(format!(
            "{upper}_NUMBER={}",
            people::field(account, "/number")
        ));
        lines.push(format!(
            "{upper}_ADDRESS={}",
            people::field(account, "/address")
        ));
        lines.push(format!("{upper}_STORE={}", people.store(name).display()));
    }
    lines.push(format!("COMITY_PASSPHRASE={}", people::PASSPHRASE));
    std::fs::write(path, lines.join("\n") + "\n")
        .with_context(|| format!("writing {}", path.display()))
}
