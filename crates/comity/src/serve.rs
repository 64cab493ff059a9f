//! `comity serve`: an app's server, from one configuration file.

use anyhow::{Context, Result};
use comity_chat::{Config, Server};
use comity_platform::{config, stop, telemetry};
use std::path::PathBuf;

/// Arguments of `comity serve`.
#[derive(clap::Args, Debug)]
pub(crate) struct ServeArgs {
    /// Configuration file (TOML). Without it every field has its default.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    config: Option<PathBuf>,
    /// Print the annotated configuration to standard output and exit.
    #[arg(long)]
    write_config: bool,
    /// Check the configuration and exit.
    #[arg(long)]
    check: bool,
}

/// Reads the configuration, or takes the defaults.
pub(crate) fn load(file: Option<&PathBuf>) -> Result<Config> {
    match file {
        Some(file) => config::load(file).with_context(|| file.display().to_string()),
        None => Ok(Config::default()),
    }
}

/// Runs the server until the system asks it to stop.
pub(crate) fn run(args: ServeArgs) -> Result<()> {
    let config = load(args.config.as_ref())?;
    if args.write_config {
        crate::terminal::say(config::annotated(&config).trim_end());
        return Ok(());
    }
    config.check()?;
    for (field, file) in [
        ("tls_certificate", &config.tls_certificate),
        ("tls_key", &config.tls_key),
    ] {
        if let Some(file) = file {
            std::fs::File::open(file).with_context(|| format!("{field} = {}", file.display()))?;
        }
    }
    config.check_files()?;
    if args.check {
        crate::terminal::say("the configuration can be used");
        return Ok(());
    }
    telemetry::start_logs(config.log.format, &config.log.level);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let running = Server::start_with(config, crate::web::routes()).await?;
        crate::terminal::say(&format!("listening on {}", running.url()));
        stop::asked_by_system().await?;
        running.stop().await;
        Ok(())
    })
}
