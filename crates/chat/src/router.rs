//! All routes in one place.

use crate::app::App;
use crate::{
    accounts, blobs, connection, introductions, key_packages, links, pages, registration, reports,
};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use comity_platform::Failure;
use comity_platform::listen::Peer;
use comity_wire::ErrorCode;
use http::{HeaderValue, header};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The routes of one app, with pages of somebody else's where there are some.
pub(crate) fn router(app: Arc<App>, others: Option<Router>) -> Router {
    let mut router = Router::new()
        .route("/about", get(pages::home))
        .route("/healthz", get(pages::healthz))
        .route("/readyz", get(pages::readyz))
        .route("/metrics", get(pages::metrics))
        .route("/openapi.json", get(pages::openapi))
        .route("/v1/app", get(pages::app_info))
        .route("/v1/connect", get(connection::connect))
        .route("/v1/registrations", post(registration::http::start))
        .route(
            "/v1/registrations/{registration}/code",
            post(registration::http::check),
        )
        .route("/v1/accounts", post(accounts::create::create))
        .route("/v1/accounts/{account}", get(accounts::directory::account))
        .route(
            "/v1/accounts/{account}/profile",
            get(accounts::directory::profile),
        )
        .route("/v1/me", get(accounts::me::me))
        .route("/v1/me", delete(accounts::deletion::delete_me))
        .route("/v1/me/conversations", get(accounts::me::conversations))
        .route("/v1/me/manifest", put(accounts::me::put_manifest))
        .route("/v1/me/profile", put(accounts::settings::profile))
        .route("/v1/me/registration-lock", put(accounts::settings::lock))
        .route("/v1/me/recovery", put(accounts::settings::recovery))
        .route("/v1/me/number", put(accounts::settings::number))
        .route(
            "/v1/me/introduction-key",
            put(accounts::settings::introduction_key),
        )
        .route("/v1/me/key-packages", post(key_packages::post))
        .route("/v1/me/blocks", put(accounts::settings::block))
        .route("/v1/directory/lookup", post(accounts::directory::lookup))
        .route("/v1/key-packages/fetch", post(key_packages::fetch))
        .route("/v1/introductions", post(introductions::post))
        .route(
            "/v1/links/{id}/offer",
            put(links::put_offer).get(links::get_offer),
        )
        .route(
            "/v1/links/{id}/grant",
            put(links::put_grant).get(links::get_grant),
        )
        .route("/v1/blobs", post(blobs::http::start))
        .route(
            "/v1/blobs/{blob}",
            patch(blobs::http::patch).get(blobs::http::get),
        )
        .route("/v1/blobs/{blob}/upload", get(blobs::http::upload))
        .route("/v1/blobs/{blob}/renew", post(blobs::http::renew))
        .route("/v1/reports", post(reports::post));
    if app.config.development {
        router = router.route("/dev/codes", get(pages::codes));
    }
    router = match others {
        Some(others) => router.merge(others.with_state(())),
        None => router.route("/", get(pages::home)),
    };
    router
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(no_such_endpoint)
        .layer(middleware::from_fn_with_state(app.clone(), around))
        .with_state(app)
}

async fn no_such_endpoint() -> Failure {
    Failure::refused(
        ErrorCode::NoSuchEndpoint,
        "no such endpoint, or not with this method",
    )
}

/// Time that an act may take, its body included.
const ACT_TIMEOUT: Duration = Duration::from_secs(300);

/// Around every act: it ends in time, errors are counted, nothing is cached or guessed at by
/// browsers.
async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    if app.config.behind_proxy {
        forwarded(&mut request);
    }
    let mut response = match tokio::time::timeout(ACT_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure::refused(ErrorCode::Unavailable, "it took too long").into_response(),
    };
    if let Some(code) = response.extensions().get::<ErrorCode>() {
        app.counts.errors.one(code.as_str());
    }
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if app.config.tls_certificate.is_some() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    response
}

/// Takes the address that the proxy on this machine saw. One that can not be read is nobody's: it
/// must not pass for the proxy's own.
fn forwarded(request: &mut Request) {
    let Some(seen) = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
    else {
        return;
    };
    let last = seen.to_str().ok().and_then(|text| text.rsplit(',').next());
    let seen = last
        .and_then(address_of)
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    if let Some(peer) = request.extensions_mut().get_mut::<Peer>()
        && peer.address.ip().is_loopback()
    {
        peer.address.set_ip(seen);
    }
}

/// An address as proxies write it: bare, in brackets, with or without a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proxy_on_this_machine_is_believed_and_only_its_own_word() {
        for (from, wanted) in [
            ("127.0.0.1:1", "203.0.113.9"),
            ("198.51.100.1:1", "198.51.100.1"),
        ] {
            let mut request = Request::new(axum::body::Body::empty());
            let value = HeaderValue::from_static("192.0.2.1, 203.0.113.9");
            request.headers_mut().insert("x-forwarded-for", value);
            let address = from.parse().unwrap();
            request.extensions_mut().insert(Peer {
                address,
                exporter: None,
            });
            forwarded(&mut request);
            let peer = request.extensions().get::<Peer>().unwrap();
            assert_eq!(peer.address.ip().to_string(), wanted);
        }
    }

    #[test]
    fn an_address_is_read_as_proxies_write_it() {
        for (text, wanted) in [
            ("203.0.113.9", Some("203.0.113.9")),
            (" 203.0.113.9:5555", Some("203.0.113.9")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("::ffff:203.0.113.9", Some("203.0.113.9")),
            ("unknown", None),
            ("", None),
        ] {
            let wanted = wanted.map(|wanted| wanted.parse::<IpAddr>().unwrap());
            assert_eq!(address_of(text), wanted, "{text}");
        }
    }

    #[test]
    fn an_address_that_can_not_be_read_is_not_the_proxys() {
        let mut request = Request::new(axum::body::Body::empty());
        let value = HeaderValue::from_static("unknown");
        request.headers_mut().insert("x-forwarded-for", value);
        request.extensions_mut().insert(Peer {
            address: "127.0.0.1:1".parse().unwrap(),
            exporter: None,
        });
        forwarded(&mut request);
        let peer = request.extensions().get::<Peer>().unwrap();
        assert!(!peer.address.ip().is_loopback());
    }
}
