//! `GET /`: what runs here, for people.

use crate::app::App;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::header;
use std::sync::Arc;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

fn page(name: &str, app: &str, server: &str, development: bool) -> String {
    let (name, app, server) = (escape(name), escape(app), escape(server));
    let version = env!("CARGO_PKG_VERSION");
    let codes = if development {
        "<p>This server is for trying things out: verification codes are at \
         <a href=\"/dev/codes\">/dev/codes</a>.</p>"
    } else {
        ""
    };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>{name}</title><style>\
body{{font:17px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;\
color:#1b1f24;background:#fff}}code,pre{{background:#f2f3f5;padding:.15rem .35rem;\
border-radius:4px}}pre{{padding:.8rem;overflow:auto}}a{{color:#0b57d0}}\
@media(prefers-color-scheme:dark){{body{{color:#e8eaed;background:#17191c}}\
code,pre{{background:#26292e}}a{{color:#8ab4f8}}}}</style></head><body>\
<h1>{name}</h1><p>This is <strong>{app}</strong>, a messaging app of the Comity family \
(version {version}). What people say here is encrypted on their devices: this server can not \
read it.</p><h2>Join</h2><pre>comity chat --server {server} register</pre>{codes}\
<h2>About this server</h2><ul>\
<li><a href=\"/v1/app\">What it says to programs</a></li>\
<li><a href=\"/openapi.json\">Its HTTP interface (OpenAPI)</a></li>\
<li><a href=\"/healthz\">Health</a> and <a href=\"/readyz\">readiness</a></li>\
</ul></body></html>"
    )
}

/// `GET /`.
pub(crate) async fn home(State(app): State<Arc<App>>, headers: http::HeaderMap) -> Response {
    let scheme = if app.config.tls_certificate.is_some() {
        "https"
    } else {
        "http"
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or(app.id.as_str());
    let server = format!("{scheme}://{host}");
    let html = page(
        &app.config.name,
        app.id.as_str(),
        &server,
        app.config.development,
    );
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_bring_markup() {
        let html = page(
            "<script>alert(1)</script>",
            "chat.example",
            "http://x",
            false,
        );
        assert!(!html.contains("<script"));
        assert!(!html.contains("/dev/codes"));
    }
}
