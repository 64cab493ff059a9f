//! Time in a worker.

use comity_wire::UnixMs;
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use wasm_bindgen_futures::JsFuture;
use web_sys::DedicatedWorkerGlobalScope;

/// The worker that this runs in.
pub(crate) fn worker() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> UnixMs {
    js_sys::Date::now() as UnixMs
}

/// Resolves after this many milliseconds, letting everything else go on.
pub(crate) async fn sleep(ms: i64) {
    let ms = i32::try_from(ms.max(0)).unwrap_or(i32::MAX);
    let promise = js_sys::Promise::new(&mut |done, _| {
        // It fails only without a function.
        worker()
            .set_timeout_with_callback_and_timeout_and_arguments_0(&done, ms)
            .unwrap_throw();
    });
    let _ = JsFuture::from(promise).await;
}
