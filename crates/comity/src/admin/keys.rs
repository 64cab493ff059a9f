//! The moderation key: made outside the server, which gets the public part only.

use crate::terminal::{say, say_json};
use anyhow::{Context, Result, bail};
use comity_e2ee::HpkeKeys;
use data_encoding::BASE64URL_NOPAD as TEXT;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const HEADING: &str = "comity moderation key";

/// Makes the key pair; the private part goes to `out`, readable by its owner only.
pub(super) fn moderation_key(out: &Path, json: bool) -> Result<()> {
    let Ok(keys) = HpkeKeys::generate() else {
        bail!("no randomness for a key")
    };
    let public = TEXT.encode(&keys.public);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .with_context(|| {
            let file = out.display();
            format!("{file} can not be made (a key that is there is never overwritten)")
        })?;
    writeln!(file, "{HEADING}")?;
    writeln!(file, "public {public}")?;
    writeln!(file, "private {}", TEXT.encode(&keys.private))?;
    file.sync_all()?;
    if json {
        say_json(&serde_json::json!({ "moderation_key": public, "file": out }));
    } else {
        say("Set this in the server's configuration:");
        say("");
        say(&format!("moderation_key = \"{public}\""));
        say("");
        say(&format!(
            "The private part is in {}: keep it away from the server.",
            out.display()
        ));
    }
    Ok(())
}

/// Public and private part from a file of [`moderation_key`].
pub(super) fn read(file: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let part = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .and_then(|value| TEXT.decode(value.trim().as_bytes()).ok())
            .with_context(|| format!("{} holds no {name} part", file.display()))
    };
    if !text.starts_with(HEADING) {
        bail!("{} is not a moderation key", file.display());
    }
    Ok((part("public")?, part("private")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        moderation_key(&file, true).unwrap();
        let (public, private) = read(&file).unwrap();
        assert!(!public.is_empty() && !private.is_empty());
        assert!(moderation_key(&file, true).is_err());
    }
}
