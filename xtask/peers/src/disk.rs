//! A disk whose power can be cut: an ext4 of its own in a file, which the kernel is told to give up at once.
//!
//! What was not synced is then gone, as after a real loss of power: ext4 is shut down without writing its journal or any
//! cached page (`EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, what xfstests does), and mounted again, which
//! replays the journal. A `kill -9` alone would not show it: the kernel keeps what a dead process had written.
//!
//! Always holds: nothing outside of its folder is touched; it is unmounted when this is dropped. Deliberately absent:
//! torn sectors and disks that lie about what they have written.

use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Room on it; the file takes only what is used.
const BYTES: u64 = 4 << 30;
/// Seconds between two commits of the journal that nobody asked for: longer than a proof takes.
const COMMIT_SECONDS: u32 = 300;
/// Tries to unmount, while ended processes still go away.
const UNMOUNTING: u32 = 100;

/// A mounted disk.
pub(crate) struct Disk {
    image: PathBuf,
    mounted_at: PathBuf,
    mounted: bool,
}

impl Disk {
    /// Makes an empty one in this folder and mounts it.
    ///
    /// # Errors
    /// When this is not root, or the kernel has no loop devices.
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "the proof needs root, for a disk of its own whose power it can cut; --no-proof measures without it"
        );
        let (image, mounted_at) = (folder.join("disk.img"), folder.join("disk"));
        let file = File::create(&image)?;
        file.set_len(BYTES)?;
        std::fs::create_dir_all(&mounted_at)?;
        run("mkfs.ext4", &["-q", "-F", &text(&image)])?;
        let mut disk = Self {
            image,
            mounted_at,
            mounted: false,
        };
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mounted_at
    }

    /// Makes all that is on it durable: what was set up, before anything is acknowledged.
    pub(crate) fn sync(&self) -> Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.mounted_at)?)?)
    }

    /// Takes it away with everything that was not synced, and gives it back as a disk would be after that. Nobody may
    /// have a file of it open any more.
    pub(crate) fn cut_power(&mut self) -> Result<()> {
        shut_down(&File::open(&self.mounted_at)?)?;
        self.unmount()?;
        self.mount()
    }

    fn mount(&mut self) -> Result<()> {
        let options = format!("loop,commit={COMMIT_SECONDS}");
        let (image, at) = (text(&self.image), text(&self.mounted_at));
        run("mount", &["-t", "ext4", "-o", &options, &image, &at])?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> Result<()> {
        let at = text(&self.mounted_at);
        let mut last = None;
        for _ in 0..UNMOUNTING {
            match run("umount", &[&at]) {
                Ok(()) => {
                    self.mounted = false;
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(last.context("not tried")?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whatever still has a file open keeps it until it ends; then it goes.
        if self.mounted {
            let _ = run("umount", &["--lazy", &text(&self.mounted_at)]);
        }
    }
}

/// `EXT4_GOING_FLAGS_NOLOGFLUSH` of the kernel's ext4.h.
const NO_LOG_FLUSH: u32 = 2;

/// The file system that this is open on writes nothing any more.
fn shut_down(open: &File) -> Result<()> {
    use rustix::ioctl::{Setter, ioctl, opcode};
    /// `EXT4_IOC_SHUTDOWN`: `_IOR('X', 125, __u32)`.
    const SHUTDOWN: rustix::ioctl::Opcode = opcode::read::<u32>(b'X', 125);
    #[allow(unsafe_code, reason = "no crate wraps this call")]
    // SAFETY: the kernel reads one `__u32` behind the pointer, which `Setter` keeps alive for the call.
    let told = unsafe { ioctl(open, Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH)) };
    told.context("shutting the file system down")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {program}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{program} {}: {}", arguments.join(" "), error.trim());
    }
    Ok(())
}

/// Fails when files in this folder never reach a disk: syncs would cost nothing, and nobody's figures would mean much.
pub(crate) fn is_on_a_disk(folder: &Path) -> Result<()> {
    /// `TMPFS_MAGIC` and `RAMFS_MAGIC` of the kernel's magic.h.
    const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];
    let kind = rustix::fs::statfs(folder)?.f_type;
    #[allow(clippy::useless_conversion, reason = "its width differs by machine")]
    let kind = i64::from(kind);
    ensure!(
        !IN_MEMORY.contains(&kind),
        "{} is kept in memory: set TMPDIR to a folder on a disk",
        folder.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn what_was_synced_outlives_a_power_cut_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = match Disk::make(folder.path()) {
            Ok(disk) => disk,
            Err(error) => {
                // Who may not mount is told what is missing, in words.
                let said = format!("{error:#}");
                assert!(said.contains("root") || said.contains("mount"), "{said}");
                return;
            }
        };
        let (kept, lost) = (disk.path().join("kept"), disk.path().join("lost"));
        let mut file = File::create(&kept).unwrap();
        file.write_all(b"acknowledged").unwrap();
        file.sync_all().unwrap();
        file.write_all(b" and said after that").unwrap();
        std::fs::write(&lost, "never synced").unwrap();
        drop(file);
        disk.cut_power().unwrap();
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "acknowledged");
        assert_ne!(
            std::fs::read_to_string(&lost).unwrap_or_default(),
            "never synced"
        );

        // After it was given back it works, and a sync of all holds all.
        std::fs::write(&lost, "synced now").unwrap();
        disk.sync().unwrap();
        disk.cut_power().unwrap();
        assert_eq!(std::fs::read_to_string(&lost).unwrap(), "synced now");
        let mounted_at = disk.path().to_owned();
        drop(disk);
        assert!(!mounted_at.join("lost").exists());
    }

    #[test]
    fn a_folder_in_memory_is_refused() {
        if let Ok(mounts) = std::fs::read_to_string("/proc/mounts")
            && mounts
                .lines()
                .any(|line| line.starts_with("tmpfs /dev/shm "))
        {
            assert!(is_on_a_disk(Path::new("/dev/shm")).is_err());
        }
        assert!(is_on_a_disk(Path::new("/proc")).is_ok());
    }
}
