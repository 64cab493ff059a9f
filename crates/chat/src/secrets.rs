//! The server's own keys: random, made once, in the database, never logged.

use comity_platform::secret::random;
use ed25519_dalek::SigningKey;
use rusqlite::{Connection, OptionalExtension, params};

/// The keys.
#[derive(Clone)]
pub struct Secrets {
    /// Seals bearer tokens.
    pub token: [u8; 32],
    /// Seals content entries for reports.
    pub franking: [u8; 32],
    /// Peppers verification codes and lock proofs.
    pub pepper: [u8; 32],
    /// Signs the app's proposals (Ed25519 seed).
    pub app: [u8; 32],
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Reads them, making those that are missing.
    pub(crate) fn load(conn: &Connection) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            token: one(conn, "token")?,
            franking: one(conn, "franking")?,
            pepper: one(conn, "pepper")?,
            app: one(conn, "app")?,
        })
    }

    /// Ed25519 public key of the app.
    #[must_use]
    pub fn app_public(&self) -> [u8; 32] {
        SigningKey::from_bytes(&self.app).verifying_key().to_bytes()
    }
}

fn one(conn: &Connection, name: &str) -> Result<[u8; 32], rusqlite::Error> {
    let found: Option<Vec<u8>> = conn
        .query_row("SELECT value FROM secret WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(value) = found.and_then(|value| <[u8; 32]>::try_from(value).ok()) {
        return Ok(value);
    }
    let value = random::<32>();
    conn.execute(
        "INSERT INTO secret (name, value) VALUES (?1, ?2)",
        params![name, value.as_slice()],
    )?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_and_do_not_show() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("../migrations/0001_start.sql"))
            .unwrap();
        let first = Secrets::load(&conn).unwrap();
        let again = Secrets::load(&conn).unwrap();
        assert_eq!(first.app, again.app);
        assert_ne!(first.token, first.pepper);
        assert_eq!(format!("{first:?}"), "Secrets");
    }
}
