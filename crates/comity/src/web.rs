//! The web app's files, which the program carries.
//!
//! Always holds: what is built with a hash in its name is kept for a year, everything else is asked for
//! anew and answered with 304 where it is the same; every page runs under one strict policy, which is
//! that of the browser tests (`web/policy.txt`). Deliberately absent: files from a folder, so that nothing
//! can be put in their place; compressing while somebody waits.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// One file of the web app.
struct File {
    /// Its path below the root, such as `assets/app-1a2b.js`.
    name: &'static str,
    plain: &'static [u8],
    /// The same, compressed; absent where that saves nothing.
    brotli: Option<&'static [u8]>,
}

const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// The page at `/`.
const INDEX: &str = "index.html";
/// What a browser may do on every page.
const POLICY: &str = include_str!("../../../web/policy.txt");
/// Devices that pages may ask for: the camera reads a code or takes a picture, the microphone a voice
/// note.
const PERMISSIONS: &str = "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()";

/// Whether this program was built with the web app.
pub(crate) fn is_there() -> bool {
    FILES.iter().any(|file| file.name == INDEX)
}

/// Routes to all files, the page itself at `/`; none where this program was built without the web app.
pub(crate) fn routes() -> Option<Router> {
    if !is_there() {
        return None;
    }
    let mut router = Router::new();
    for file in FILES {
        let path = match file.name {
            INDEX => "/".to_owned(),
            name => format!("/{name}"),
        };
        let tag = tag(file.plain);
        let answer = move |headers: HeaderMap| {
            let tag = tag.clone();
            async move { answer(file, &tag, &headers) }
        };
        router = router.route(&path, get(answer));
    }
    Some(router)
}

/// Names the content, for who has it already.
fn tag(plain: &[u8]) -> HeaderValue {
    let hash = blake3::hash(plain).to_hex();
    let tag = format!("\"{}\"", hash.get(..32).unwrap_or_default());
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
}

fn answer(file: &'static File, tag: &HeaderValue, asked: &HeaderMap) -> Response {
    let brotli = file.brotli.filter(|_| takes_brotli(asked));
    let mut response = match asked.get(IF_NONE_MATCH) {
        Some(known) if names(known, tag) => StatusCode::NOT_MODIFIED.into_response(),
        _ => Body::from(brotli.unwrap_or(file.plain)).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, tag.clone());
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept(file.name)));
    headers.insert(CONTENT_TYPE, media_type(file.name));
    if brotli.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY.trim_end()),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// For how long a browser keeps a file without asking: what has a hash in its name never changes.
fn kept(name: &str) -> &'static str {
    match name.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    }
}

fn media_type(name: &str) -> HeaderValue {
    let kind = match name.rsplit_once('.').map_or("", |(_, kind)| kind) {
        // Browsers compile it while it arrives only by this type.
        "wasm" => "application/wasm",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    HeaderValue::from_static(kind)
}

/// Whether `accept-encoding` names Brotli and does not refuse it (RFC 9110, 12.5.3).
fn takes_brotli(asked: &HeaderMap) -> bool {
    let all = asked.get_all(ACCEPT_ENCODING).iter();
    all.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = weight.trim().strip_prefix("q=");
            name.trim().eq_ignore_ascii_case("br")
                && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|q| q > 0.0))
        })
}

/// Whether `if-none-match` names this content (RFC 9110, 13.1.2).
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let Ok(known) = known.to_str() else {
        return false;
    };
    known
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: File = File {
        name: "assets/app-1a2b.js",
        plain: b"let a = 1;",
        brotli: Some(b"packed"),
    };

    fn asked(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn brotli_is_given_to_who_takes_it() {
        for (accepted, brotli) in [
            ("gzip, deflate, br, zstd", true),
            ("gzip;q=0.5, BR;q=0.9", true),
            ("br;q=0", false),
            ("gzip", false),
            ("*", false),
        ] {
            let response = answer(
                &SCRIPT,
                &tag(SCRIPT.plain),
                &asked(ACCEPT_ENCODING, accepted),
            );
            let encoding = response.headers().get(CONTENT_ENCODING);
            assert_eq!(encoding.is_some(), brotli, "{accepted}");
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let tag = tag(SCRIPT.plain);
        let known = HeaderMap::from_iter([(IF_NONE_MATCH, tag.clone())]);
        let response = answer(&SCRIPT, &tag, &known);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        let other = asked(IF_NONE_MATCH, "\"other\"");
        assert_eq!(answer(&SCRIPT, &tag, &other).status(), StatusCode::OK);
    }

    #[test]
    fn only_what_has_a_hash_in_its_name_is_kept() {
        assert!(kept("assets/app-1a2b.js").contains("immutable"));
        for name in [INDEX, "sw.js", "app.webmanifest"] {
            assert_eq!(kept(name), "no-cache");
        }
    }

    #[test]
    fn the_policy_is_one_line_and_lets_no_script_of_elsewhere_in() {
        assert_eq!(POLICY.lines().count(), 1);
        for rule in [
            "default-src 'none'",
            "require-trusted-types-for 'script'",
            "frame-ancestors 'none'",
        ] {
            assert!(POLICY.contains(rule), "{rule}");
        }
        for loose in ["unsafe-inline", "'unsafe-eval'", "http:", "https:", "*"] {
            assert!(!POLICY.contains(loose), "{loose}");
        }
    }
}
