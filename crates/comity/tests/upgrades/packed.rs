//! A stored state as one small file: the folders of a server and of its people's devices, packed.
//!
//! Stores are packed in the clear (encrypted pages do not shrink) and sealed again under their own
//! key when they are unpacked; passphrase, accounts and keys are made up and worth nothing. Of the
//! key packages only the last-resort ones are packed: the others are most of the bytes, and alike.

use argon2::{Algorithm, Argon2, Params, Version};
use brotli::{CompressorWriter, Decompressor};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use flate2::read::ZlibDecoder;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Of the packed stores.
pub const PASSPHRASE: &str = "a state that is kept";
/// The folders that are packed.
pub const FOLDERS: [&str; 5] = ["server", "alice", "tablet", "bob", "carol"];
const STORE: &str = "store.db";
/// What a packed state begins with, unless it is one of the first.
const BROTLI: &[u8] = b"brotli";
/// Holds the Unix seconds of when it was packed.
const MADE: &str = "made";

/// Packs `folder`'s folders, of programs that have ended.
pub fn pack(folder: &Path) -> Vec<u8> {
    let dropped = thin_server(&folder.join("server/comity.sqlite"));
    let mut all = Vec::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut write = |name: &str, bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        all.push(u8::try_from(name.len()).unwrap());
        all.extend(name.as_bytes());
        all.extend(length);
        all.extend(bytes);
    };
    write(MADE, now.as_secs().to_string().as_bytes());
    for name in FOLDERS {
        for (path, bytes) in files(&folder.join(name), name, &dropped) {
            write(&path, &bytes);
        }
    }
    shrink(&all)
}

/// What stands in several stores, as a group's tree does, is packed once: they are far apart.
fn shrink(all: &[u8]) -> Vec<u8> {
    let (quality, window_bits) = (11, 24);
    let mut packed = BROTLI.to_vec();
    let mut into = CompressorWriter::new(&mut packed, 1 << 16, quality, window_bits);
    into.write_all(all).unwrap();
    drop(into);
    packed
}

fn grow(packed: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    match packed.strip_prefix(BROTLI) {
        Some(packed) => Decompressor::new(packed, 1 << 16).read_to_end(&mut all),
        // As the first ones were packed.
        None => ZlibDecoder::new(packed).read_to_end(&mut all),
    }
    .unwrap();
    all
}

/// Takes the one-time key packages out; gives what was taken.
fn thin_server(file: &Path) -> Vec<Vec<u8>> {
    let conn = Connection::open(file).unwrap();
    let mut taken = conn
        .prepare("DELETE FROM key_package WHERE last_resort = 0 RETURNING body")
        .unwrap();
    let rows = taken.query_map([], |row| row.get(0)).unwrap();
    let dropped = rows.collect::<Result<_, _>>().unwrap();
    drop(taken);
    conn.execute_batch("VACUUM").unwrap();
    dropped
}

/// Takes the private halves of these key packages out.
fn thin_store(conn: &Connection, dropped: &[Vec<u8>]) {
    let mut random = |bytes: &mut [u8]| bytes.fill(1);
    let keys = comity_e2ee::DeviceKeys::generate(&mut random);
    let address = "00000000000000000000000000000000@state.localhost";
    let address = address.parse().unwrap();
    let mut groups = comity_e2ee::Groups::new();
    let mut session = groups.session(conn, &keys, &address);
    for package in dropped {
        session.delete_key_package(package).unwrap();
    }
    conn.execute_batch("VACUUM").unwrap();
}

fn files(folder: &Path, name: &str, dropped: &[Vec<u8>]) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let file = entry.file_name().into_string().unwrap();
        let path = format!("{name}/{file}");
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path(), &path, dropped));
        } else if file == STORE {
            found.insert(path, plain(folder, dropped));
        } else if file != "lock" && !file.ends_with("-wal") && !file.ends_with("-shm") {
            found.insert(path, std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// Unpacks into `folder`; gives the Unix seconds of when it was packed.
pub fn unpack(packed: &[u8], folder: &Path) -> i64 {
    let bytes = grow(packed);
    let mut rest = &bytes[..];
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at(count);
        rest = after;
        taken
    };
    let mut stores = Vec::new();
    let mut left = bytes.len();
    while left > 0 {
        let name_length = usize::from(take(1)[0]);
        let name = String::from_utf8(take(name_length).to_vec()).unwrap();
        let length = u32::from_be_bytes(take(4).try_into().unwrap()) as usize;
        let path = folder.join(&name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, take(length)).unwrap();
        if path.ends_with(STORE) {
            stores.push(path.parent().unwrap().to_owned());
        }
        left -= 1 + name_length + 4 + length;
    }
    stores.iter().for_each(|folder| seal(folder));
    let made = std::fs::read_to_string(folder.join(MADE)).unwrap();
    made.parse().unwrap()
}

fn version(conn: &Connection) -> i64 {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

/// The pages of the store in `folder`, in the clear.
fn plain(folder: &Path, dropped: &[Vec<u8>]) -> Vec<u8> {
    let file = folder.join("plain.db");
    let conn = Connection::open(folder.join(STORE)).unwrap();
    conn.execute_batch(&format!("PRAGMA key = \"x'{}'\";", key(folder)))
        .unwrap();
    let found = version(&conn);
    conn.execute_batch(&format!(
        "ATTACH DATABASE '{}' AS plain KEY ''; SELECT sqlcipher_export('plain');
         PRAGMA plain.user_version = {found}; DETACH DATABASE plain;",
        file.display()
    ))
    .unwrap();
    drop(conn);
    let conn = Connection::open(&file).unwrap();
    thin_store(&conn, dropped);
    drop(conn);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::remove_file(file).unwrap();
    bytes
}

/// Back from [`plain`].
fn seal(folder: &Path) {
    let (clear, store) = (folder.join("plain.db"), folder.join(STORE));
    std::fs::rename(&store, &clear).unwrap();
    let conn = Connection::open(&clear).unwrap();
    let found = version(&conn);
    conn.execute_batch(&format!(
        "ATTACH DATABASE '{}' AS sealed KEY \"x'{}'\"; SELECT sqlcipher_export('sealed');
         PRAGMA sealed.user_version = {found}; DETACH DATABASE sealed;",
        store.display(),
        key(folder)
    ))
    .unwrap();
    drop(conn);
    std::fs::remove_file(clear).unwrap();
}

/// The data key of the store in `folder`, in hexadecimal.
fn key(folder: &Path) -> String {
    let wrapped: Value =
        serde_json::from_slice(&std::fs::read(folder.join("key.json")).unwrap()).unwrap();
    let number = |name: &str| u32::try_from(wrapped[name].as_u64().unwrap()).unwrap();
    let bytes = |name: &str| {
        let text = wrapped[name].as_str().unwrap();
        data_encoding::BASE64URL_NOPAD
            .decode(text.as_bytes())
            .unwrap()
    };
    let (memory, passes, lanes) = (number("memory_kib"), number("passes"), number("lanes"));
    let params = Params::new(memory, passes, lanes, Some(32)).unwrap();
    let mut wrapping = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(PASSPHRASE.as_bytes(), &bytes("salt"), &mut wrapping)
        .unwrap();
    let payload = Payload {
        msg: &bytes("sealed"),
        aad: b"comity store key v1",
    };
    let key = XChaCha20Poly1305::new(&wrapping.into())
        .decrypt(XNonce::from_slice(&bytes("nonce")), payload)
        .unwrap();
    data_encoding::HEXLOWER.encode(&key)
}
