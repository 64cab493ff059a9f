//! All routes in one place.

use crate::app::App;
use crate::{
    accounts, blobs, connection, introductions, key_packages, links, pages, registration, reports,
};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, patch, post, put};
use comity_platform::Failure;
use comity_wire::ErrorCode;
use http::{HeaderValue, header};
use std::sync::Arc;

/// The routes of one app.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/", get(pages::home))
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

/// Around every act: errors are counted, nothing is cached or guessed at by browsers.
async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
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
