//! The operating system's chance and date, as a world has them: the libraries that ask the system
//! itself (MLS, HPKE, the standard library's hash maps) get the seed's and the virtual ones.
//!
//! Always holds: on a thread without a world both are the system's, and clocks that only measure
//! are so everywhere. Two functions of the C library are defined here, and a program's own
//! definition goes before the library's, so this is for programs of the simulation alone. Without
//! it (on another system than Linux with 64 bits) a world's keys are random and its date is real.
//! Deliberately absent: the system call behind them, for who makes it without the C library.
//!
//! Safety: who calls these functions gives what the C library's manual asks for: a buffer of the
//! length that comes with it, and room for one time.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![allow(unsafe_code)]

use crate::clock;
use rustix::time::ClockId;
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::fs::File;
use std::io::Read as _;

/// `struct timespec`.
#[repr(C)]
struct Time {
    seconds: i64,
    nanoseconds: c_long,
}

/// Keeps the linker from leaving these functions out.
pub(crate) fn keep() {
    std::hint::black_box((
        getrandom as unsafe extern "C" fn(*mut c_void, usize, c_uint) -> isize,
        clock_gettime as unsafe extern "C" fn(c_int, *mut Time) -> c_int,
    ));
}

/// `getrandom(2)`: the seed's, inside a world.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, _: c_uint) -> isize {
    if buffer.is_null() || length == 0 {
        return 0;
    }
    // Safety: see above.
    let bytes = unsafe {
        buffer.cast::<u8>().write_bytes(0, length);
        std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length)
    };
    let filled = clock::library_chance(bytes)
        || File::open("/dev/urandom").is_ok_and(|mut system| system.read_exact(bytes).is_ok());
    if filled {
        isize::try_from(length).unwrap_or(-1)
    } else {
        -1
    }
}

/// `clock_gettime(2)`: the date is the virtual one, inside a world.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(id: c_int, at: *mut Time) -> c_int {
    const REALTIME: c_int = 0;
    let clock = match id {
        REALTIME => ClockId::Realtime,
        1 => ClockId::Monotonic,
        2 => ClockId::ProcessCPUTime,
        3 => ClockId::ThreadCPUTime,
        4 => ClockId::MonotonicRaw,
        5 => ClockId::RealtimeCoarse,
        6 => ClockId::MonotonicCoarse,
        7 => ClockId::Boottime,
        _ => return -1,
    };
    // What tells the virtual time may ask for another clock.
    let date = (id == REALTIME).then(clock::date_ms).flatten();
    let time = match date {
        Some(ms) => Time {
            seconds: ms.div_euclid(1_000),
            nanoseconds: ms.rem_euclid(1_000) * 1_000_000,
        },
        None => {
            let time = rustix::time::clock_gettime(clock);
            Time {
                seconds: time.tv_sec,
                nanoseconds: time.tv_nsec,
            }
        }
    };
    // Safety: see above.
    unsafe { at.write(time) };
    0
}

#[cfg(test)]
mod tests {
    use crate::World;
    use crate::clock::NOON_MS;
    use anyhow::Result;
    use comity_membership::SUITE;
    use openmls::prelude::OpenMlsCrypto as _;
    use openmls_rust_crypto::RustCrypto;
    use rand::TryRngCore as _;
    use std::hash::{BuildHasher as _, RandomState};
    use std::time::{Duration, SystemTime};

    /// Chance in each of those ways, the hash of a thread's keys, and the date.
    type Given = ((Vec<u8>, Vec<u8>), u64, Duration);

    /// Chance as libraries take it: each of the ways in which they ask the system.
    fn chance() -> Result<(Vec<u8>, Vec<u8>)> {
        let mut bytes = vec![0; 16];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes)?;
        let crypto = RustCrypto::default();
        let pair = crypto.derive_hpke_keypair(SUITE.hpke_config(), &[7; 64])?;
        let sealed = crypto.hpke_seal(SUITE.hpke_config(), &pair.public, &[], &[], b"word")?;
        Ok((bytes, sealed.kem_output.as_slice().to_vec()))
    }

    /// What libraries get of the system in a world of this seed, on a thread of its own.
    fn given(seed: u64) -> Result<Given> {
        let lived = std::thread::spawn(move || {
            let world = World::calm(seed)?;
            let date = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            let given = (chance()?, RandomState::new().hash_one(1), date);
            drop(world);
            anyhow::Ok(given)
        });
        lived.join().map_err(|_| anyhow::anyhow!("it panicked"))?
    }

    #[test]
    fn in_a_world_the_systems_chance_is_the_seeds_and_outside_it_is_chance() -> Result<()> {
        let (one, again, other) = (given(1)?, given(1)?, given(2)?);
        assert_eq!((&one.0, one.1), (&again.0, again.1));
        assert_ne!(one.0.0, other.0.0);
        assert_ne!(one.0.1, other.0.1);
        assert_ne!(one.1, other.1);
        let noon = Duration::from_millis(u64::try_from(NOON_MS)?);
        for (_, _, date) in [one, other] {
            assert!(
                date >= noon && date < noon + Duration::from_secs(1),
                "{date:?}"
            );
        }
        let (first, second) = (chance()?, chance()?);
        assert_ne!(first.0, second.0);
        assert_ne!(first.1, second.1);
        Ok(())
    }
}
