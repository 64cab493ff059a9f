//! Where the project lies, and how its commands are run.
//!
//! Always holds: every command starts in the project's root, with the tools that the set-up built
//! on its path, and is printed before it runs. Deliberately absent: parallel commands.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A checkout of the project.
pub(crate) struct Project {
    root: PathBuf,
    target: PathBuf,
    path: OsString,
}

impl Project {
    /// The checkout that `cargo xtask` was called in.
    pub(crate) fn find() -> Result<Self> {
        let start = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(std::env::current_dir, |folder| Ok(PathBuf::from(folder)))?;
        let root = start
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").is_file())
            .context("not inside a checkout of the project")?
            .to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        let old = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(target.join("tools/bin")).chain(std::env::split_paths(&old));
        let path = std::env::join_paths(folders)?;
        Ok(Self { root, target, path })
    }

    /// The checkout's folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// A command in the root, with the project's tools on its path. What cargo told this program
    /// of its own package is not passed on: build scripts of dependencies look at it, and whoever
    /// calls cargo by hand would find half of them out of date, and the other way round.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", &self.path);
        for (name, _) in std::env::vars_os() {
            let own = [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_PRIMARY_",
                "CARGO_BIN_",
            ];
            if own
                .iter()
                .any(|part| name.to_string_lossy().starts_with(part))
            {
                command.env_remove(&name);
            }
        }
        command
    }

    /// Cargo, of the toolchain that is in use. What is tested is compiled in one unit a crate: split
    /// in sixteen, as cargo does for who compiles the same crate again and again, it costs the
    /// compiler twice the work, and there are crates enough to keep every core at it.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = self.command("cargo");
        command.env("CARGO_PROFILE_DEV_CODEGEN_UNITS", "1");
        command
    }

    /// Builds the tests and the programs that they run, all with one choice of features: whoever
    /// builds a part for itself compiles most of the dependencies again.
    pub(crate) fn build_tests(&self) -> Result<()> {
        let what = ["test", "--locked", "--workspace", "--no-run", "--quiet"];
        self.run(self.cargo().args(what))
    }

    /// Whether a program is on the path.
    pub(crate) fn has_program(&self, program: &str) -> bool {
        std::env::split_paths(&self.path).any(|folder| folder.join(program).is_file())
    }

    /// Runs a command, showing it; fails unless it succeeds.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        eprintln!("$ {}", shown(command));
        let status = command
            .status()
            .with_context(|| format!("starting {}", shown(command)))?;
        if !status.success() {
            bail!("{} failed: {status}", shown(command));
        }
        Ok(())
    }

    /// Runs a command quietly and gives what it wrote to its standard output.
    pub(crate) fn read(&self, command: &mut Command) -> Result<String> {
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("starting {}", shown(command)))?;
        if !output.status.success() {
            bail!("{} failed: {}", shown(command), output.status);
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Whether a command succeeds, saying nothing.
    pub(crate) fn succeeds(&self, command: &mut Command) -> bool {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
