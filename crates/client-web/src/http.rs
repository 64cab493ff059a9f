//! The way to the app by `fetch`.
//!
//! Always holds: nothing is kept in the browser's cache, no cookie is sent, no redirect followed.

use crate::clock::{within, worker};
use comity_client::{CallError, Method};
use comity_wire::http::ErrorBody;
use comity_wire::{ErrorCode, WireError};
use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, Request, RequestCache,
    RequestCredentials, RequestInit, RequestRedirect, Response,
};

const CALL_TIMEOUT_MS: u32 = 60_000;
/// A body of which nothing comes for this long is given up.
pub(crate) const SILENCE_MS: i32 = 60_000;
/// Several times the largest answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How to reach the app.
#[derive(Clone)]
pub(crate) struct Server {
    base: String,
}

/// A request that is not JSON: pieces of files.
pub(crate) struct Piece<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) token: &'a str,
    pub(crate) header: Option<(&'static str, String)>,
    pub(crate) body: Option<&'a [u8]>,
    /// Until the answer begins.
    pub(crate) timeout_ms: i32,
}

/// An answer whose body is not read yet. What of it is still on its way when this is dropped does not come: a
/// browser has few connections to a server, and one that nobody reads keeps its place.
pub(crate) struct Underway {
    pub(crate) answer: Response,
    _ends: Ends,
}

/// Ends what was asked with it.
struct Ends(AbortController);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// The app at this origin: `https://chat.example`.
    pub(crate) fn new(base: &str) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    /// Where the WebSocket is.
    pub(crate) fn socket_url(&self) -> String {
        let base = match self.base.strip_prefix("http") {
            Some(rest) => format!("ws{rest}"),
            None => self.base.clone(),
        };
        format!("{base}/v1/connect")
    }

    /// An HTTP act.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        token: Option<&str>,
    ) -> Result<Vec<u8>, CallError> {
        let init = RequestInit::new();
        init.set_method(match method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        });
        let headers = Headers::new().map_err(unreachable)?;
        if let Some(token) = token {
            authorise(&headers, token).map_err(unreachable)?;
        }
        if let Some(body) = body {
            headers
                .set("content-type", "application/json")
                .map_err(unreachable)?;
            init.set_body(&Uint8Array::from(body.as_slice()));
        }
        init.set_headers(&headers);
        init.set_signal(Some(&AbortSignal::timeout_with_u32(CALL_TIMEOUT_MS)));
        let asked = self.fetch(path, &init).map_err(unreachable)?;
        let response = JsFuture::from(asked).await.map_err(unreachable)?;
        let response: Response = response.dyn_into().map_err(unreachable)?;
        let bytes = bytes(&response, ANSWER_BYTES_MAX)
            .await
            .map_err(unreachable)?;
        if response.ok() {
            Ok(bytes)
        } else {
            Err(CallError::Refused(refused(&bytes)))
        }
    }

    /// A piece of a file, up or down.
    pub(crate) async fn piece(&self, piece: Piece<'_>) -> Result<Underway, JsValue> {
        let init = RequestInit::new();
        let ends = Ends(AbortController::new()?);
        init.set_signal(Some(&ends.0.signal()));
        init.set_method(piece.method);
        let headers = Headers::new()?;
        authorise(&headers, piece.token)?;
        if let Some((name, value)) = &piece.header {
            headers.set(name, value)?;
        }
        if let Some(body) = piece.body {
            headers.set("content-type", "application/octet-stream")?;
            init.set_body(&Uint8Array::from(body));
        }
        init.set_headers(&headers);
        let asked = self.fetch(&piece.path, &init)?;
        let answer = within(piece.timeout_ms, &asked).await?.dyn_into()?;
        Ok(Underway {
            answer,
            _ends: ends,
        })
    }

    fn fetch(&self, path: &str, init: &RequestInit) -> Result<Promise, JsValue> {
        init.set_cache(RequestCache::NoStore);
        init.set_credentials(RequestCredentials::Omit);
        init.set_redirect(RequestRedirect::Error);
        let request = Request::new_with_str_and_init(&format!("{}{path}", self.base), init)?;
        Ok(worker().fetch_with_request(&request))
    }
}

fn authorise(headers: &Headers, token: &str) -> Result<(), JsValue> {
    headers.set("authorization", &format!("Bearer {token}"))
}

/// The whole body, unless it is longer than it may be.
pub(crate) async fn bytes(response: &Response, bytes_max: usize) -> Result<Vec<u8>, JsValue> {
    let mut all = Vec::new();
    let mut body = Body::of(response);
    while let Some(more) = body.next().await? {
        if all.len() + more.len() > bytes_max {
            return Err(js_sys::Error::new("the answer is longer than any that there is").into());
        }
        all.extend_from_slice(&more);
    }
    Ok(all)
}

/// A response's body, as its bytes come.
pub(crate) struct Body(Option<ReadableStreamDefaultReader>);

impl Body {
    pub(crate) fn of(response: &Response) -> Self {
        let reader = |body: web_sys::ReadableStream| body.get_reader().unchecked_into();
        Self(response.body().map(reader))
    }

    /// The next bytes; absent at the end. Fails when none come for a while.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, JsValue> {
        let Some(reader) = &self.0 else {
            return Ok(None);
        };
        let next = within(SILENCE_MS, &reader.read()).await?;
        let value = Reflect::get(&next, &"value".into())?;
        let bytes = value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec);
        if bytes.is_none() {
            self.0 = None;
        }
        Ok(bytes)
    }
}

fn unreachable(error: JsValue) -> CallError {
    let reason = error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| "no answer".to_owned(), |error| error.message().into());
    CallError::Unreachable(reason)
}

/// The error in an answer that is none.
pub(crate) fn refused(body: &[u8]) -> WireError {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => WireError {
            code: ErrorCode::parse(&body.error.code).unwrap_or(ErrorCode::Internal),
            message: body.error.message,
            retry_after_ms: body.error.retry_after_ms,
        },
        Err(_) => WireError::new(
            ErrorCode::Internal,
            "the server's answer is not one of Comity",
        ),
    }
}
