//! Time in a worker.

use comity_wire::UnixMs;
use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue, UnwrapThrowExt};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel};

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
    let promise = Promise::new(&mut |done, _| {
        // It fails only without a function.
        worker()
            .set_timeout_with_callback_and_timeout_and_arguments_0(&done, ms)
            .unwrap_throw();
    });
    let _ = JsFuture::from(promise).await;
}

/// What a promise gives; an error when it takes longer than this many milliseconds.
pub(crate) async fn within(ms: i32, promise: &Promise) -> Result<JsValue, JsValue> {
    let mut timer = 0;
    let late = Promise::new(&mut |_, failed| {
        timer = worker()
            .set_timeout_with_callback_and_timeout_and_arguments_0(&failed, ms)
            .unwrap_throw();
    });
    let first = JsFuture::from(Promise::race(&Array::of2(promise, &late))).await;
    worker().clear_timeout_with_handle(timer);
    first
}

/// Resolves in a turn of its own, after everything that waits already. Sooner than a timer, which
/// browsers hold back for 4 ms when one follows another.
pub(crate) async fn turn() {
    let Ok(channel) = MessageChannel::new() else {
        return sleep(0).await;
    };
    let (here, there) = (channel.port1(), channel.port2());
    let promise = Promise::new(&mut |done, _| {
        here.set_onmessage(Some(&done));
        // It fails only for what can not be copied.
        there.post_message(&JsValue::NULL).unwrap_throw();
    });
    let _ = JsFuture::from(promise).await;
    here.close();
}
