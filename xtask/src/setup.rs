//! `cargo xtask setup`: what a fresh Debian 12 with git, a C compiler and Rust lacks.
//!
//! Always holds: says what it is about to install before it does; does nothing, quickly, when
//! nothing is missing; never touches a machine on which it is neither root nor has sudo without
//! a password. Deliberately absent: other systems' package names; there the list is printed.

use crate::project::Project;
use anyhow::{Result, bail};
use std::process::Command;

/// What the machine is wanted for. Each holds the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Purpose {
    /// To build and run the programs.
    Build,
    /// To build the web app, which the server's program carries.
    Web,
    /// To run `cargo xtask test`.
    Test,
    /// To run every part of `cargo xtask soak`.
    Soak,
}

/// A package of the system, by Debian's name.
pub(crate) struct Package {
    name: &'static str,
    purpose: Purpose,
    why: &'static str,
}

pub(crate) const fn package(name: &'static str, purpose: Purpose, why: &'static str) -> Package {
    Package { name, purpose, why }
}

const PACKAGES: &[Package] = &[
    package(
        "ca-certificates",
        Purpose::Build,
        "lets cargo fetch over TLS",
    ),
    package(
        "libssl-dev",
        Purpose::Build,
        "libcrypto, under the encrypted SQLite",
    ),
    package("pkg-config", Purpose::Build, "finds libcrypto"),
    package("faketime", Purpose::Test, "lives a year in minutes"),
    package(
        "valgrind",
        Purpose::Test,
        "counts instructions of what must not grow",
    ),
    package("clang-19", Purpose::Web, "compiles C for the browser"),
    package("llvm-19", Purpose::Web, "archives C for the browser"),
    package("lld-19", Purpose::Web, "links for the browser"),
    package(
        "chromium-headless-shell",
        Purpose::Test,
        "runs the web's pages, and draws no window around them",
    ),
    package(
        "fonts-noto-core",
        Purpose::Test,
        "letters of both languages",
    ),
    package("fonts-noto-color-emoji", Purpose::Test, "emoji"),
    package("g++", Purpose::Soak, "compiles libFuzzer"),
];

/// Rust for the browser from Debian, where rustup can not fetch the target.
const WASM_PACKAGES: &[Package] = &[
    package("rustc-web", Purpose::Web, "Rust with the browser as target"),
    package("cargo-web", Purpose::Web, "its cargo"),
    package("rust-web-src", Purpose::Web, "its standard library"),
];

/// Node from Debian, where there is no other: other distributors' brings npm along, and conflicts
/// with Debian's.
const NODE_PACKAGES: &[Package] = &[
    package("nodejs", Purpose::Web, "builds and tests the web's parts"),
    package("npm", Purpose::Web, "fetches their packages"),
];

/// The target that the client's core is also compiled for.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A program from the Rust package registry, built into the target folder.
struct Tool {
    program: &'static str,
    version: &'static str,
    purpose: Purpose,
    why: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        program: "cargo-nextest",
        version: "0.9.143",
        purpose: Purpose::Test,
        why: "runs the tests",
    },
    Tool {
        program: "cargo-deny",
        version: "0.20.2",
        purpose: Purpose::Test,
        why: "checks licences, bans, sources",
    },
    Tool {
        program: "cargo-fuzz",
        version: "0.13.2",
        purpose: Purpose::Soak,
        why: "fuzzes the decoders",
    },
];

/// Installs what is missing for `purpose`; with `list` only says it.
pub(crate) fn run(project: &Project, purpose: Purpose, list: bool) -> Result<()> {
    let mut packages = missing(project, PACKAGES, purpose)?;
    if purpose >= Purpose::Web && !rustup_has_wasm(project) {
        let debian = missing(project, WASM_PACKAGES, purpose)?;
        // Only where Debian's are not there already: asking a network that is not there is slow.
        if !debian.is_empty() && (list || !rustup_add_wasm(project)) {
            packages.extend(debian);
        }
    }
    if !project.has_program("npm") {
        packages.extend(missing(project, NODE_PACKAGES, purpose)?);
    }
    let tools: Vec<&Tool> = TOOLS
        .iter()
        .filter(|tool| tool.purpose <= purpose && !project.has_program(tool.program))
        .collect();
    if packages.is_empty() && tools.is_empty() {
        return Ok(());
    }
    println!("This machine lacks:");
    for package in &packages {
        println!("  {:<14} {} (Debian package)", package.name, package.why);
    }
    for tool in &tools {
        println!(
            "  {:<14} {} (cargo install, into {})",
            tool.program,
            tool.why,
            tools_folder(project)
        );
    }
    if list {
        return Ok(());
    }
    install_packages(project, &packages)?;
    for tool in tools {
        let wanted = format!("{}@{}", tool.program, tool.version);
        let folder = tools_folder(project);
        // Built for one use and a few seconds of work: without optimisation it is there sooner.
        project.run(
            project
                .cargo()
                .args(["install", "--locked", "--debug", "--root", &folder, &wanted])
                .env("CARGO_PROFILE_DEV_DEBUG", "none"),
        )?;
    }
    Ok(())
}

/// Installs those of these packages that are missing, whatever they are for.
pub(crate) fn need(project: &Project, packages: &'static [Package]) -> Result<()> {
    let missing = missing(project, packages, Purpose::Soak)?;
    if missing.is_empty() {
        return Ok(());
    }
    println!("This machine lacks:");
    for package in &missing {
        println!("  {:<14} {} (Debian package)", package.name, package.why);
    }
    install_packages(project, &missing)
}

fn tools_folder(project: &Project) -> String {
    project
        .target()
        .join("tools")
        .to_string_lossy()
        .into_owned()
}

fn missing(
    project: &Project,
    packages: &'static [Package],
    purpose: Purpose,
) -> Result<Vec<&'static Package>> {
    let wanted: Vec<_> = packages
        .iter()
        .filter(|package| package.purpose <= purpose)
        .collect();
    if !project.has_program("dpkg-query") {
        if std::env::var_os("COMITY_SETUP_DONE").is_some() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = wanted.iter().map(|package| package.name).collect();
        bail!(
            "this is no Debian: install what stands for {} here, then set COMITY_SETUP_DONE=1",
            names.join(", ")
        );
    }
    // It fails when one is unknown to it, and still prints the others.
    let output = project
        .command("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Abbrev}|${Package}\\n"])
        .args(wanted.iter().map(|package| package.name))
        .output()?;
    let installed = String::from_utf8_lossy(&output.stdout).into_owned();
    let has = |name: &str| {
        installed
            .lines()
            .filter_map(|line| line.split_once('|'))
            .any(|(status, package)| status.starts_with("ii") && package == name)
    };
    Ok(wanted
        .into_iter()
        .filter(|package| !has(package.name))
        .collect())
}

fn install_packages(project: &Project, packages: &[&Package]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = packages.iter().map(|package| package.name).collect();
    let sudo = if is_root(project) {
        false
    } else if project.succeeds(project.command("sudo").args(["-n", "true"])) {
        true
    } else {
        bail!(
            "install them as root, then run this again:\n  apt-get install {}",
            names.join(" ")
        );
    };
    println!(
        "Installing the Debian packages{}.",
        if sudo { " through sudo" } else { " as root" }
    );
    project.run(apt(project, sudo).arg("update"))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    project.run(apt(project, sudo).args(install).args(names))
}

fn apt(project: &Project, sudo: bool) -> Command {
    let mut command = project.command(if sudo { "sudo" } else { "env" });
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]);
    command
}

fn is_root(project: &Project) -> bool {
    project
        .read(project.command("id").arg("-u"))
        .is_ok_and(|id| id.trim() == "0")
}

/// Whether rustup's toolchain in use has the browser's standard library.
pub(crate) fn rustup_has_wasm(project: &Project) -> bool {
    project
        .read(
            project
                .command("rustc")
                .args(["--print", "target-libdir", "--target", WASM_TARGET]),
        )
        .is_ok_and(|folder| std::path::Path::new(folder.trim()).is_dir())
}

fn rustup_add_wasm(project: &Project) -> bool {
    project.has_program("rustup")
        && project.succeeds(
            project
                .command("rustup")
                .args(["target", "add", WASM_TARGET]),
        )
}
