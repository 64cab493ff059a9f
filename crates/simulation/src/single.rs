//! Keeps a world on its one thread: the MLS library hands parts of its work to a pool of threads,
//! which costs more than the work where groups are small, and makes the order of things theirs.
//!
//! Always holds: on a thread that asked for it, such work is done where it comes up, and what all
//! devices compute alike is computed once (`comity_membership::crypto`).

use std::cell::Cell;

thread_local! {
    static SINGLE: Cell<bool> = const { Cell::new(false) };
}

/// For measuring: worlds of this thread leave the library its pool, as programs do. The order of
/// things is no longer the seed's alone then.
pub fn work_on_all_cores() {
    SINGLE.set(true);
}

/// From now on this thread does the pool's work itself.
pub(crate) fn keep_to_this_thread() {
    // A world does not know what was computed before it.
    comity_membership::crypto::remember(true);
    if SINGLE.replace(true) {
        return;
    }
    let pool = rayon_core::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build();
    // The thread stays the pool's as long as it lives. Where it is one of a pool already, so be it.
    if let Ok(pool) = pool {
        std::mem::forget(pool);
    }
}
