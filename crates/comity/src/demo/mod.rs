//! `comity demo`: a whole app on loopback with sample people, made by the real programs.
//!
//! Every person is a process of `comity chat` on a store of its own, the server is `comity serve`;
//! nothing here knows more than they tell. The demo ends with the conversation as each side saw
//! it, then stays up to be joined.

mod bob;
mod people;
mod server;
mod story;

use crate::terminal::say;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
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
    let (url, about) = (
        server.url(),
        if crate::web::is_there() { "/about" } else { "" },
    );
    say(&format!(
        "{url}{about}  — the app “Comity Demo”: what runs, and how to join"
    ));
    let people = Arc::new(people::People::new(&folder, server.url().to_owned())?);
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
    how_to_join(server.url())?;
    let bob = bob::Bob::start(people);
    wait_for_stop(&mut server, &bob)?;
    drop(bob);
    server.stop()
}

/// The next steps, as they have to be typed here.
fn how_to_join(url: &str) -> Result<()> {
    let program = std::env::current_exe()?;
    let here = std::env::current_dir()?;
    let program = program.strip_prefix(&here).unwrap_or(&program).display();
    say("The app stays up. Join in:");
    if crate::web::is_there() {
        say(&format!(
            "  -   in a browser: open {url} and sign up as +12025550198; the code is shown at {url}/dev/codes"
        ));
    }
    say(&format!(
        "  -   from another terminal, in this folder ({}):",
        here.display()
    ));
    say(&format!(
        "  1.  {program} chat --server {url} --store me register +12025550199 --name 'Your name'"
    ));
    say(&format!(
        "      It asks for a passphrase of your choice, then for a code: that is shown at {url}/dev/codes"
    ));
    say(&format!("  2.  {program} chat --store me"));
    say(
        "  3.  /to +12025550102       and write to Bob: he accepts, answers once and sends a file.",
    );
    say("      /help shows what else you can do.");
    say("Stop with Ctrl-C.");
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM; a server that ends by itself ends the demo.
fn wait_for_stop(server: &mut server::Server, bob: &bob::Bob) -> Result<()> {
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
                    if bob.has_ended() {
                        bail!("Bob's program ended");
                    }
                }
            }
        }
    })
}

fn write_env(path: &std::path::Path, people: &people::People, url: &str) -> Result<()> {
    let mut lines = vec![line("COMITY_URL", url)];
    for name in ["alice", "bob"] {
        let account = people.act(name, &["account"])?;
        let account = account.first().context("no account")?;
        let upper = name.to_uppercase();
        for field in ["number", "address", "device"] {
            let value = people::field(account, &format!("/{field}"));
            lines.push(line(&format!("{upper}_{}", field.to_uppercase()), value));
        }
        let token = people.act(name, &["token"])?;
        let token = token.first().context("no token")?;
        lines.push(line(
            &format!("{upper}_TOKEN"),
            people::field(token, "/token"),
        ));
        let store = people.store(name).display().to_string();
        lines.push(line(&format!("{upper}_STORE"), &store));
    }
    lines.push(line("COMITY_PASSPHRASE", people::PASSPHRASE));
    std::fs::write(path, lines.join("\n") + "\n")
        .with_context(|| format!("writing {}", path.display()))
}

/// A line that a shell reads, too.
fn line(key: &str, value: &str) -> String {
    let plain = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_./:@+=-".contains(c));
    if plain {
        return format!("{key}={value}");
    }
    format!("{key}='{}'", value.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_shell_reads_what_was_written() {
        for value in ["+12025550101", "comity demo", "it's $HOME", ""] {
            let told = std::process::Command::new("sh")
                .arg("-c")
                .arg(format!("{}\nprintf %s \"$VALUE\"", line("VALUE", value)))
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(told.stdout).unwrap(), value);
        }
    }
}
