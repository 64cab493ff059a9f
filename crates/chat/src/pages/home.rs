//! `GET /`: what runs here, for people.

use crate::app::App;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use comity_wire::UnixMs;
use http::header;
use std::sync::Arc;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The app of `comity demo`, where Bob is.
const DEMO: &str = "demo.localhost";

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

/// A whole page around `body`, which is markup already.
fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\">\
<meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title><style>\
body{{font:17px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;\
color:#1b1f24;background:#fff}}code,pre{{background:#f2f3f5;padding:.15rem .35rem;\
border-radius:4px}}code{{white-space:nowrap}}pre{{padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}}\
pre span{{display:inline-block;max-width:100%}}\
a{{color:#0b57d0}}table{{border-collapse:collapse;width:100%}}\
th,td{{text-align:start;padding:.4rem .6rem .4rem 0;border-bottom:1px solid #d0d4da}}\
@media(prefers-color-scheme:dark){{body{{color:#e8eaed;background:#17191c}}\
code,pre{{background:#26292e}}a{{color:#8ab4f8}}th,td{{border-color:#3c4147}}}}\
</style></head><body><main>{body}</main></body></html>"
    )
}

fn page(name: &str, app: &str, server: &str, development: bool) -> String {
    let (name, app, server) = (escape(name), escape(app), escape(server));
    // The demo is run from a folder of sources, where nothing is installed.
    let program = match std::env::current_exe() {
        Ok(path) if app == DEMO => escape(&path.to_string_lossy()),
        _ => "comity".to_owned(),
    };
    let version = env!("CARGO_PKG_VERSION");
    // A line may end between the words of the command, not at the hyphens within them.
    let command = format!(
        "{program} chat --server {server} --store me register +12025550199 --name 'Your name'"
    );
    let words = command
        .split(' ')
        .map(|word| format!("<span>{word}</span>"));
    let command = words.collect::<Vec<_>>().join(" ");
    let codes = if development {
        "<p>This server is for trying things out: verification codes are at \
         <a href=\"/dev/codes\">/dev/codes</a>.</p>"
    } else {
        ""
    };
    let talk = if app == DEMO {
        "<p>Then talk to Bob of the demo, who answers once and sends a file: start the program again without \
         <code>register …</code> and type <code>/to +12025550102</code>.</p>"
    } else {
        ""
    };
    let body = format!(
        "<h1>{name}</h1><p>This is <strong>{app}</strong>, a messaging app of the Comity family \
(version {version}). What people say here is encrypted on their devices: this server can not \
read it.</p><h2>Join</h2><p>From a terminal, with your phone number:</p>\
<pre>{command}</pre><p>It asks for a passphrase first, which you choose: under it your messages and keys are \
kept on your device. Then it asks for the code that comes.</p>{codes}{talk}\
<h2>About this server</h2><ul>\
<li><a href=\"/v1/app\">What it says to programs</a></li>\
<li><a href=\"/openapi.json\">Its HTTP interface (OpenAPI)</a></li>\
<li><a href=\"/healthz\">Health</a> and <a href=\"/readyz\">readiness</a></li>\
</ul>"
    );
    document(&name, &body)
}

/// How long something is past, as of when the page was made.
fn ago(ms: i64) -> String {
    match ms.max(0) / 1_000 {
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds @ 120..7_200 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

/// Codes that were sent, newest first, for people who try the server out.
pub(super) fn codes_page(codes: &[crate::operator::SentCode], now_ms: UnixMs) -> Response {
    let rows: String = codes
        .iter()
        .map(|sent| {
            let (number, code) = (escape(&sent.number), escape(&sent.code));
            let made = ago(now_ms - sent.at_ms);
            format!("<tr><td>{number}</td><td><code>{code}</code></td><td>{made}</td></tr>")
        })
        .collect();
    let back = "<p><a href=\"/\">Back</a></p>";
    let body = if rows.is_empty() {
        format!(
            "<h1>Codes</h1><p>No code was asked for yet. Sign up, then load this page again.</p>{back}"
        )
    } else {
        format!(
            "<h1>Codes</h1><p>Newest first. On a real server these go to people's phones.</p>\
<table><thead><tr><th scope=\"col\">Number</th><th scope=\"col\">Code</th>\
<th scope=\"col\">Made</th></tr></thead><tbody>{rows}</tbody></table>{back}"
        )
    };
    (
        [(header::CONTENT_SECURITY_POLICY, POLICY)],
        Html(document("Codes", &body)),
    )
        .into_response()
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

    #[test]
    fn a_time_that_is_past_is_said_in_one_unit() {
        let said = [-5, 5_000, 300_000, 7_200_000, 400_000_000].map(ago);
        assert_eq!(
            said,
            ["0 s ago", "5 s ago", "5 min ago", "2 h ago", "4 days ago"]
        );
    }
}
