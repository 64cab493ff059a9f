//! Takes a renewed certificate into use without a restart.
//!
//! Always holds: a pair of files that can not be used, or is half written, changes nothing; the
//! next look tries again. Deliberately absent: getting certificates.

use super::stopped_within;
use crate::app::App;
use comity_platform::listen::{Certificate, tls_config};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Time between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Looks at the files until the app stops.
pub(crate) async fn renew(app: Arc<App>, certificate: Certificate) {
    let (Some(chain), Some(key)) = (&app.config.tls_certificate, &app.config.tls_key) else {
        return;
    };
    let mut known = changed(chain, key);
    while !stopped_within(&app, LOOK_EVERY).await {
        let now = changed(chain, key);
        if now == known {
            continue;
        }
        match tls_config(chain, key) {
            Ok(config) => {
                certificate.replace(config);
                known = now;
                tracing::info!("the certificate was renewed");
            }
            Err(error) => tracing::warn!(%error, "the new certificate can not be used"),
        }
    }
}

type Changed = (Option<SystemTime>, Option<SystemTime>);

fn changed(chain: &Path, key: &Path) -> Changed {
    let of = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|file| file.modified())
            .ok()
    };
    (of(chain), of(key))
}
