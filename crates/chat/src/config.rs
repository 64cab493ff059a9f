//! The server's configuration: one TOML file, every field documented where it is declared.

use comity_platform::config::ConfigError;
use comity_platform::documented;
use comity_platform::telemetry::LogFormat;
use comity_wire::{AppId, limits};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Shortest metrics token.
const TOKEN_BYTES_MIN: usize = 8;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const YEAR_MS: i64 = 365 * DAY_MS;
const COUNT_MAX: i64 = 1_000_000_000;
/// Bytes that one slow reader may keep waiting.
const BYTES_MAX: i64 = 1 << 30;
/// Each is a thread with a connection of its own.
const READERS_MAX: i64 = 256;

/// What a server can work with, by section and field.
const BOUNDS: &[(&str, &str, RangeInclusive<i64>)] = &[
    ("codes", "webhook_timeout_ms", 1..=HOUR_MS),
    ("codes", "webhook_tries", 1..=100),
    ("retention", "entry_life_ms", 1_000..=10 * YEAR_MS),
    ("retention", "device_stale_ms", 1_000..=10 * YEAR_MS),
    ("retention", "blob_lease_ms", 1_000..=10 * YEAR_MS),
    ("retention", "upload_life_ms", 1_000..=10 * YEAR_MS),
    (
        "retention",
        "registration_lock_idle_ms",
        1_000..=10 * YEAR_MS,
    ),
    ("retention", "sweep_interval_ms", 10..=DAY_MS),
    ("retention", "cursor_flush_ms", 10..=HOUR_MS),
    ("limits", "code_interval_ms", 0..=YEAR_MS),
    ("limits", "code_life_ms", 0..=YEAR_MS),
    ("limits", "codes_per_number_per_day", 0..=COUNT_MAX),
    (
        "limits",
        "registrations_per_address_per_hour",
        0..=COUNT_MAX,
    ),
    ("limits", "introductions_per_day", 0..=COUNT_MAX),
    ("limits", "lookups_per_day", 0..=COUNT_MAX),
    ("limits", "key_package_fetches_per_day", 0..=COUNT_MAX),
    ("limits", "blob_quota_bytes", 0..=i64::MAX),
    ("limits", "appends_per_second", 1..=COUNT_MAX),
    ("limits", "appends_burst", 1..=COUNT_MAX),
    ("limits", "sign_in_timeout_ms", 1_000..=YEAR_MS),
    ("limits", "idle_timeout_ms", 1_000..=YEAR_MS),
    ("limits", "outbound_bytes", 4_096..=BYTES_MAX),
    ("limits", "connections_per_address", 1..=COUNT_MAX),
    ("limits", "database_readers", 1..=READERS_MAX),
    ("family", "ask_timeout_ms", 1..=HOUR_MS),
    ("family", "back_off_min_ms", 1..=HOUR_MS),
    ("family", "back_off_max_ms", 1..=HOUR_MS),
    ("family", "report_interval_ms", 1..=HOUR_MS),
    ("family", "sync_interval_ms", 1..=HOUR_MS),
    ("family", "acts_per_second", 1..=COUNT_MAX),
    ("family", "acts_burst", 1..=COUNT_MAX),
    ("family", "outbound_bytes", 4_096..=BYTES_MAX),
];
/// Bytes of a moderation key: an HPKE public key of the hybrid suite, ML-KEM-768 and X25519.
const MODERATION_KEY_BYTES: usize = 1_184 + 32;

/// Where verification codes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeSender {
    /// Into the database, for `comity admin codes`: nobody gets a message.
    Outbox,
    /// To `webhook_url`, which sends the message.
    Webhook,
}

documented! {
    /// Configuration of `comity serve`.
    /// Every field has the value that holds when it is left out.
    pub struct Config {
        /// Permanent DNS name of this app, lowercase, with `:port` when it is not at port 443.
        /// It is part of every address: it can not be changed later.
        app: String = "localhost".to_owned(),
        /// Name of this app as people see it.
        name: String = "Comity".to_owned(),
        /// Address and port to listen on. Port 0 lets the system choose.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8443)),
        /// Folder for the database and the blobs. One server has it at a time.
        data: PathBuf = PathBuf::from("comity-data"),
        /// PEM file with the certificate chain. Without it the server listens on loopback only.
        tls_certificate: Option<PathBuf> = None,
        /// PEM file with the certificate's key.
        tls_key: Option<PathBuf> = None,
        /// A proxy on this machine speaks TLS and passes requests on: the network address that is
        /// counted for limits is the last one of `X-Forwarded-For`.
        behind_proxy: bool = false,
        /// For trying things out: codes of the outbox can be read at /dev/codes by anybody who
        /// reaches the server.
        development: bool = false,
        /// Public key that reports are sealed to, as base64url, from `comity admin moderation-key`.
        /// Without it nobody can report.
        moderation_key: Option<String> = None,
        /// Bearer token for /metrics from beyond loopback, which may read them always.
        metrics_token: Option<String> = None,
    } sections {
        /// How phone numbers are verified.
        codes: Codes,
        /// What is kept, and how long.
        retention: Retention,
        /// How much and how often.
        limits: Limits,
        /// How this app keeps up with the apps that it is joined with.
        family: Family,
        /// What is logged. Never numbers, ids of accounts or network addresses.
        log: Log,
    }
}

documented! {
    /// How phone numbers are verified.
    pub struct Codes {
        /// `outbox` (codes stay in the database, for `comity admin codes`) or `webhook`.
        sender: CodeSender = CodeSender::Outbox,
        /// For `webhook`: gets POST {"number": "+…", "code": "123456", "app": "…", "name": "…"}.
        webhook_url: Option<String> = None,
        /// For `webhook`: sent as `Authorization: Bearer …`.
        webhook_token: Option<String> = None,
        /// For `webhook`: time that one try may take, in milliseconds.
        webhook_timeout_ms: u64 = 5_000,
        /// For `webhook`: tries, the first included.
        webhook_tries: u32 = 3,
    } sections {}
}

documented! {
    /// What is kept, and how long. In milliseconds.
    pub struct Retention {
        /// Entries are kept until every device has them, and no longer than this.
        entry_life_ms: i64 = limits::ENTRY_LIFE_MS,
        /// A device that was not seen for this long is stale: its removal is proposed.
        device_stale_ms: i64 = limits::DEVICE_STALE_MS,
        /// A blob's lease, from its upload or a renewal.
        blob_lease_ms: i64 = limits::BLOB_LEASE_MS,
        /// An unfinished upload is kept this long.
        upload_life_ms: i64 = limits::UPLOAD_LIFE_MS,
        /// A registration lock holds until the account was idle for this long.
        registration_lock_idle_ms: i64 = limits::REGISTRATION_LOCK_IDLE_MS,
        /// Time between two sweeps of what is over.
        sweep_interval_ms: u64 = 60_000,
        /// Cursors are written at most this late.
        cursor_flush_ms: u64 = 3_000,
    } sections {}
}

documented! {
    /// How much and how often.
    pub struct Limits {
        /// Time between two codes to one number, in milliseconds.
        code_interval_ms: i64 = limits::CODE_INTERVAL_MS,
        /// A code's life, in milliseconds.
        code_life_ms: i64 = limits::CODE_LIFE_MS,
        /// Codes to one number in a day.
        codes_per_number_per_day: u32 = limits::CODES_PER_NUMBER_PER_DAY,
        /// Registrations and unauthenticated look-ups from one network address in an hour.
        registrations_per_address_per_hour: u32 = 60,
        /// Introductions without an answer that a person may make in a day.
        introductions_per_day: u32 = limits::INTRODUCTIONS_PER_DAY,
        /// Directory look-ups of one account in a day.
        lookups_per_day: u32 = limits::LOOKUPS_PER_DAY,
        /// Key package fetches of one account for another in a day, before the last-resort one.
        key_package_fetches_per_day: u32 = limits::KEY_PACKAGE_FETCHES_PER_DAY,
        /// Blobs that an account may keep, in bytes.
        blob_quota_bytes: u64 = limits::BLOB_QUOTA_BYTES,
        /// Appends of one connection in a second, sustained.
        appends_per_second: u32 = limits::APPENDS_PER_SECOND,
        /// Appends of one connection at once.
        appends_burst: u32 = limits::APPENDS_BURST,
        /// Time a connection has to sign in, in milliseconds.
        sign_in_timeout_ms: i64 = limits::SIGN_IN_TIMEOUT_MS,
        /// A connection that says nothing for this long is closed, in milliseconds.
        idle_timeout_ms: i64 = limits::IDLE_TIMEOUT_MS,
        /// Bytes that may wait for a slow connection before it has to catch up by itself.
        outbound_bytes: usize = 1_048_576,
        /// Connections that one network address (of IPv6: one /64) may have open at once. Loopback
        /// has no bound: there is the proxy.
        connections_per_address: usize = 1_024,
        /// Connections to the database for reading.
        database_readers: usize = 4,
    } sections {}
}

documented! {
    /// How this app keeps up with the apps that it is joined with. Times in milliseconds.
    pub struct Family {
        /// Time that a sibling has to answer.
        ask_timeout_ms: u64 = 10_000,
        /// Pause after a first failure; it doubles with each, and is drawn from its upper half.
        back_off_min_ms: u64 = 500,
        /// Longest pause.
        back_off_max_ms: u64 = 60_000,
        /// A hub hears at most this often how far its logs were taken.
        report_interval_ms: u64 = 200,
        /// A hub is asked at least this often what changed.
        sync_interval_ms: u64 = 60_000,
        /// Acts of one sibling in a second, sustained.
        acts_per_second: u32 = 2_000,
        /// Acts of one sibling at once.
        acts_burst: u32 = 20_000,
        /// Bytes that may wait for a slow sibling before it has to catch up by itself.
        outbound_bytes: usize = 16_777_216,
    } sections {}
}

documented! {
    /// What is logged.
    pub struct Log {
        /// `text` or `json`.
        format: LogFormat = LogFormat::Text,
        /// `error`, `warn`, `info`, `debug`, or a filter such as `info,comity_chat=debug`.
        level: String = "info".to_owned(),
    } sections {}
}

impl Config {
    /// The app's name, when the fields go together.
    ///
    /// # Errors
    /// A sentence about the first field that can not be used.
    pub fn check(&self) -> Result<AppId, ConfigError> {
        let refused = |reason: String| Err(ConfigError::Refused(reason));
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return refused("tls_certificate and tls_key go together".to_owned());
        }
        if self.codes.sender == CodeSender::Webhook && self.codes.webhook_url.is_none() {
            return refused("codes.sender = \"webhook\" needs codes.webhook_url".to_owned());
        }
        if self.tls_certificate.is_none() && !self.listen.ip().is_loopback() {
            return refused(format!(
                "listen = \"{}\" is beyond loopback: that needs tls_certificate and tls_key, or a proxy on this machine and a loopback address",
                self.listen
            ));
        }
        if self
            .metrics_token
            .as_ref()
            .is_some_and(|token| token.len() < TOKEN_BYTES_MIN)
        {
            return refused(format!(
                "metrics_token has less than {TOKEN_BYTES_MIN} characters: who guesses it reads the metrics"
            ));
        }
        let fields =
            serde_json::to_value(self).map_err(|error| ConfigError::Refused(error.to_string()))?;
        for (section, field, range) in BOUNDS {
            let value = fields.get(section).and_then(|section| section.get(field));
            let value = value.cloned().unwrap_or_default();
            if !value.as_i64().is_some_and(|value| range.contains(&value)) {
                return refused(format!(
                    "{section}.{field} = {value} is not between {} and {}",
                    range.start(),
                    range.end()
                ));
            }
        }
        if self.family.back_off_min_ms > self.family.back_off_max_ms {
            return refused("family.back_off_min_ms is above family.back_off_max_ms".to_owned());
        }
        if let Some(url) = &self.codes.webhook_url {
            check_webhook(url).map_err(ConfigError::Refused)?;
        }
        let key = self.moderation_key()?;
        if !key.is_empty() && key.len() != MODERATION_KEY_BYTES {
            return refused(format!(
                "moderation_key has {} bytes instead of {MODERATION_KEY_BYTES}: `comity admin moderation-key` makes one",
                key.len()
            ));
        }
        self.app.parse().map_err(|_| {
            ConfigError::Refused(format!(
                "app = \"{}\" is not a DNS name in lowercase, with :port when it is not 443",
                self.app
            ))
        })
    }

    /// Reads what the configuration names: whether the server could start with it.
    ///
    /// # Errors
    /// A sentence about the first file or folder that can not be used.
    pub fn check_files(&self) -> Result<(), ConfigError> {
        if let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) {
            comity_platform::listen::tls_config(certificate, key)
                .map_err(|error| ConfigError::Refused(error.to_string()))?;
        }
        if self.data.exists() && !self.data.is_dir() {
            return Err(ConfigError::Refused(format!(
                "data = \"{}\" is not a folder",
                self.data.display()
            )));
        }
        Ok(())
    }

    /// The moderation key's bytes; empty when there is none.
    ///
    /// # Errors
    /// When it is not base64url.
    pub fn moderation_key(&self) -> Result<Vec<u8>, ConfigError> {
        let Some(text) = &self.moderation_key else {
            return Ok(Vec::new());
        };
        data_encoding::BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| ConfigError::Refused("moderation_key is not base64url".to_owned()))
    }
}

/// Codes and a token go there: over TLS, or to this machine.
fn check_webhook(url: &str) -> Result<(), String> {
    let uri: http::Uri = url
        .parse()
        .map_err(|_| format!("codes.webhook_url = \"{url}\" is not a URL"))?;
    let host = uri.host().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let near = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(()),
        Some("http") if near => Ok(()),
        _ => Err(format!(
            "codes.webhook_url = \"{url}\" is no https:// URL, nor http:// on this machine: codes would travel in the clear"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_can_be_used_and_reads_back() {
        let config = Config::default();
        config.check().unwrap();
        let text = comity_platform::config::annotated(&config);
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let half = Config {
            tls_key: Some("key.pem".into()),
            ..Config::default()
        };
        assert!(half.check().is_err());
        let name = Config {
            app: "Not A Name".to_owned(),
            ..Config::default()
        };
        assert!(name.check().is_err());
        let mut hook = Config::default();
        hook.codes.sender = CodeSender::Webhook;
        assert!(hook.check().is_err());
        for (url, good) in [
            ("https://sms.example/send", true),
            ("http://127.0.0.1:8000/send", true),
            ("http://[::1]:8000/send", true),
            ("http://sms.example/send", false),
            ("ftp://sms.example", false),
            ("sms.example", false),
        ] {
            hook.codes.webhook_url = Some(url.to_owned());
            assert_eq!(hook.check().is_ok(), good, "{url}");
        }
    }

    #[test]
    fn what_no_server_can_work_with_is_refused_by_name() {
        let refused = |change: &dyn Fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        let life = refused(&|config| config.retention.entry_life_ms = -1);
        assert!(
            life.contains("retention.entry_life_ms = -1 is not between 1000 and"),
            "{life}"
        );
        let readers = refused(&|config| config.limits.database_readers = 100_000);
        assert!(readers.contains("limits.database_readers"), "{readers}");
        let burst = refused(&|config| config.limits.appends_burst = 0);
        assert!(burst.contains("limits.appends_burst"), "{burst}");
        let pause = refused(&|config| config.family.back_off_min_ms = 60_001);
        assert!(pause.contains("back_off_min_ms is above"), "{pause}");
    }
}
