//! A nats-server that has `sync_interval: always`, which came with 2.10: Debian 12's is older.
//!
//! Debian 13's is fetched by apt from the mirror that this machine already uses, with a list of its own, and unpacked
//! without being installed. Always holds: apt checks it by Debian's keys; nothing of the machine's own lists or packages
//! changes. Deliberately absent: any address; where apt knows no Debian mirror, a file has to be given.

use crate::project::Project;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};

/// The Debian whose nats-server is new enough.
const SUITE: &str = "trixie";
const PACKAGE: &str = "nats-server";
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The version that brought the setting.
const LEAST: (u32, u32) = (2, 10);

/// One that is new enough: on the path, fetched earlier, or fetched now into this folder.
pub(crate) fn server(project: &Project, folder: &Path) -> Result<PathBuf> {
    let unpacked = folder.join("nats/usr/sbin/nats-server");
    for known in [PathBuf::from(PACKAGE), unpacked.clone()] {
        if is_new_enough(project, &known) {
            return Ok(known);
        }
    }
    fetch(project, folder).with_context(|| {
        format!(
            "no {PACKAGE} of at least {}.{} is here, and none could be fetched: give one by --nats-server FILE, or leave it out by --only ejabberd",
            LEAST.0, LEAST.1
        )
    })?;
    ensure!(
        is_new_enough(project, &unpacked),
        "{} is not what it should be",
        unpacked.display()
    );
    Ok(unpacked)
}

fn is_new_enough(project: &Project, program: &Path) -> bool {
    let mut command = project.command(&program.to_string_lossy());
    let output = command.arg("--version").output();
    output.is_ok_and(|output| {
        version(&String::from_utf8_lossy(&output.stdout)).is_some_and(|found| found >= LEAST)
    })
}

/// Of `nats-server: v2.10.27`.
fn version(text: &str) -> Option<(u32, u32)> {
    let (_, numbers) = text.trim().rsplit_once(" v")?;
    let mut numbers = numbers.split('.');
    let major = numbers.next()?.parse().ok()?;
    Some((major, numbers.next()?.parse().ok()?))
}

fn fetch(project: &Project, folder: &Path) -> Result<()> {
    let targets = project.read(project.command("apt-get").args([
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)",
        "Created-By: Packages",
    ]))?;
    let mirror = mirror(&targets).context("apt knows no mirror of Debian on this machine")?;
    let apt = folder.join("apt");
    for name in ["lists/partial", "cache/archives/partial"] {
        std::fs::create_dir_all(apt.join(name))?;
    }
    let list = apt.join("sources.list");
    std::fs::write(
        &list,
        format!("deb [signed-by={KEYS}] {mirror} {SUITE} main\n"),
    )?;
    println!("Fetching {PACKAGE} of Debian {SUITE}; it is unpacked, not installed.");
    let options = [
        ("Dir::Etc::SourceList", list),
        ("Dir::Etc::SourceParts", PathBuf::from("-")),
        ("Dir::State::Lists", apt.join("lists")),
        ("Dir::Cache", apt.join("cache")),
    ];
    let own = || {
        let mut command = project.command("apt-get");
        command.current_dir(&apt).arg("-qq");
        for (name, value) in &options {
            command.arg("-o").arg(format!("{name}={}", value.display()));
        }
        // Else apt would fetch as a person who may not write here.
        command.args(["-o", "APT::Sandbox::User=root"]);
        command
    };
    project.run(own().arg("update"))?;
    project.run(own().args(["download", PACKAGE]))?;
    let package = newest(&apt)?;
    let unpacked = folder.join("nats");
    project.run(
        project
            .command("dpkg-deb")
            .arg("--extract")
            .arg(package)
            .arg(unpacked),
    )
}

/// The mirror of Debian's main archive, of lines `URI suite component origin`.
fn mirror(targets: &str) -> Option<String> {
    targets.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (uri, suite, component) = (words.next()?, words.next()?, words.next()?);
        let whole = component == "main" && !suite.contains(['-', '/']);
        (whole && words.next() == Some("Debian")).then(|| uri.to_owned())
    })
}

fn newest(folder: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            found.push((path.metadata()?.modified()?, path));
        }
    }
    match found.into_iter().max() {
        Some((_, path)) => Ok(path),
        None => bail!("apt-get fetched nothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST, mirror, version};

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("nats-server: v2.10.27\n"), Some((2, 10)));
        assert!(version("nats-server: v2.9.10").unwrap() < LEAST);
        assert!(version("nats-server: v2.10.0").unwrap() >= LEAST);
        assert!(version("nats-server: v3.0.0").unwrap() >= LEAST);
        assert_eq!(version("nats-server: [not set]"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn the_mirror_is_that_of_debian_itself() {
        let targets = "https://elsewhere.example/apt stable main Somebody\n\
            https://mirror.example/debian-security/ bookworm-security main Debian\n\
            https://mirror.example/debian/ bookworm-updates main Debian\n\
            https://mirror.example/debian/ bookworm contrib Debian\n\
            https://mirror.example/debian/ bookworm main Debian\n";
        let found = mirror(targets);
        assert_eq!(found.as_deref(), Some("https://mirror.example/debian/"));
        // A list that was never fetched has no origin.
        assert_eq!(
            mirror("https://mirror.example/debian/ bookworm main \n"),
            None
        );
        assert_eq!(mirror(""), None);
    }
}
