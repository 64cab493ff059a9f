//! `cargo xtask web`: the browser's core, built, bound to JavaScript, made small, and put where the
//! pages import it from; then the pages, put where the server's program carries them from.
//!
//! Always holds: its own target folder, so that native builds are not thrown away; what is
//! as it was is not made again. What would make a first load too heavy `web/scripts/pack.mjs` refuses.

use crate::project::Project;
use crate::share::{wasm, web};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where `web/src/core/worker.ts` imports it from; not kept in the repository.
const FOLDER: &str = "src/core/wasm";
const PACKAGE: &str = "comity-client-web";
const NAME: &str = "comity_client_web";

/// What rustc makes use of and every browser that has access handles knows, too.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// How it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// For work and tests: sooner, several times as large, and slower.
    Quick,
    /// As it ships.
    Small,
}

/// What of `web/` the pages are made of.
const SOURCES: &[&str] = &[
    "src",
    "public",
    "scripts",
    "index.html",
    "package-lock.json",
    "policy.txt",
    "vite.config.ts",
];

/// Builds the core and the pages over it.
pub(crate) fn run(project: &Project, how: How) -> Result<()> {
    web::install(project)?;
    core(project, how)?;
    pages(project, how)
}

/// Builds the core for the browser.
fn core(project: &Project, how: How) -> Result<()> {
    let (profile, folder) = match how {
        How::Quick => ("dev", "debug"),
        How::Small => ("web", "web"),
    };
    project.run(
        wasm::cargo(project, "build")
            .args(["--locked", "--lib", "--profile", profile])
            .args(wasm::of(PACKAGE)),
    )?;
    let built = wasm::target(project)
        .join(crate::setup::WASM_TARGET)
        .join(folder)
        .join(format!("{NAME}.wasm"));
    // With what binds it and makes it small: this file, and the program that binds.
    let root = project.root();
    let (bound, program) = (root.join("xtask/src/web.rs"), root.join("xtask/web"));
    let of = stamp(&[&built, &bound, &program], how)?;
    let kept = out(project).join(STAMP);
    if fs::read(&kept).is_ok_and(|kept| kept == of.as_bytes()) {
        return Ok(());
    }
    let bind = ["run", "--quiet", "--locked", "--package", "xtask-web", "--"];
    project.run(project.cargo().args(bind).arg(built).arg(out(project)))?;
    if how == How::Small {
        make_small(project)?;
    }
    Ok(fs::write(kept, of)?)
}

/// Builds the pages and puts them where `crates/comity/build.rs` finds them.
fn pages(project: &Project, how: How) -> Result<()> {
    let sources: Vec<PathBuf> = SOURCES
        .iter()
        .map(|name| web::folder(project).join(name))
        .collect();
    let of = stamp(&sources, how)?;
    let kept = project.root().join("crates/comity/web").join(STAMP);
    if fs::read(&kept).is_ok_and(|kept| kept == of.as_bytes()) {
        return Ok(());
    }
    let mut build = web::npm(project);
    build.args(["run", "build:app"]);
    if how == How::Quick {
        build.args(["--", "--quick"]);
    }
    project.run(&mut build)?;
    Ok(fs::write(kept, of)?)
}

/// What is written beside what was made, of what it was made of.
const STAMP: &str = ".made-of";

/// Stands for files as they are, and for how something is made of them.
fn stamp(paths: &[impl AsRef<Path>], how: How) -> Result<String> {
    let mut newest = (SystemTime::UNIX_EPOCH, 0_u64, 0_u64);
    for path in paths {
        weigh(path.as_ref(), &mut newest)?;
    }
    let (changed, files, bytes) = newest;
    let changed = changed.duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
    Ok(format!("{how:?} {files} {bytes} {changed}\n"))
}

/// The newest change in a file or folder, how many files there are, and their bytes.
fn weigh(path: &Path, so_far: &mut (SystemTime, u64, u64)) -> Result<()> {
    let about = fs::metadata(path).with_context(|| format!("looking at {}", path.display()))?;
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            weigh(&entry?.path(), so_far)?;
        }
        return Ok(());
    }
    // Of its own making, and written after it.
    if path.file_name().is_some_and(|name| name == STAMP) {
        return Ok(());
    }
    so_far.0 = so_far.0.max(about.modified()?);
    so_far.1 += 1;
    so_far.2 += about.len();
    Ok(())
}

fn out(project: &Project) -> PathBuf {
    web::folder(project).join(FOLDER)
}

/// Optimises what was bound for its size. What is alike is found once all of it is small: merged, that is half a
/// percent less than it travels with.
fn make_small(project: &Project) -> Result<()> {
    let wasm = out(project).join(format!("{NAME}_bg.wasm"));
    for passes in [&["-Oz"][..], &["--merge-similar-functions", "-Oz"]] {
        project.run(
            web::tool(project, "wasm-opt")
                .args(passes)
                .args(FEATURES)
                .arg("-o")
                .args([&wasm, &wasm]),
        )?;
    }
    Ok(())
}
