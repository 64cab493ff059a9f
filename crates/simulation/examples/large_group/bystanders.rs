//! Accounts that nobody runs: put into the hub's database and into Alice's store as if all had
//! signed up, talked to Alice, and gone to sleep.

use anyhow::Result;
use comity_e2ee::engine::Groups;
use comity_e2ee::{DeviceKeys, RootKey, sign_manifest};
use comity_membership::manifest::{Device, Manifest};
use comity_simulation::{Who, World};
use comity_wire::{AccountId, Address};

struct Bystander {
    address: Address,
    keys: DeviceKeys,
    root: RootKey,
    manifest: Vec<u8>,
    key_package: Vec<u8>,
}

fn random(bytes: &mut [u8]) {
    rand::Rng::fill(&mut rand::rng(), bytes);
}

fn bystander(app: &comity_wire::AppId) -> Result<Bystander> {
    let root = RootKey::generate(&mut random);
    let keys = DeviceKeys::generate(&mut random);
    let mut id = [0; 16];
    random(&mut id);
    let address = Address::new(app.clone(), AccountId::new(id));
    let list = Manifest {
        address: address.clone(),
        root_key: root.public(),
        seq: 1,
        previous_hash: Vec::new(),
        devices: vec![Device::new(keys.public(), true, 1)],
        revoked: Vec::new(),
        at_ms: 1,
    };
    let manifest = sign_manifest(&list, Some(&root), None);
    let store = rusqlite::Connection::open_in_memory()?;
    store.execute_batch(comity_e2ee::storage::SCHEMA)?;
    let key_package = Groups::new()
        .session(&store, &keys, &address)
        .key_package(false)?;
    Ok(Bystander {
        address,
        keys,
        root,
        manifest,
        key_package,
    })
}

/// So many bystanders whom Alice knows.
pub(crate) fn settle(world: &mut World, alice: Who, count: usize) -> Result<Vec<Address>> {
    let own = world.address(alice)?;
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(bystander(&own.app)?);
    }
    let addresses = all.iter().map(|one| one.address.clone()).collect();
    let rows: Vec<_> = all
        .iter()
        .map(|one| {
            (
                one.address.to_string(),
                one.root.public().to_vec(),
                one.manifest.clone(),
            )
        })
        .collect();
    world.tamper_store(alice, move |conn| {
        for row in rows {
            conn.execute(
                "INSERT INTO contact (address, root_key, manifest, manifest_seq, accepted, changed_ms)
                 VALUES (?1, ?2, ?3, 1, 1, 1)",
                row,
            )?;
        }
        Ok(())
    })?;
    let now = comity_simulation::clock::now_ms();
    world.tamper_hub(move |conn| {
        // One log in which all have a seat: that Alice may have their key packages.
        conn.execute(
            "INSERT INTO log (name, kind, epoch, version, head, first, activity)
             SELECT zeroblob(16), max(kind), 0, 0, 0, 1, 0 FROM log",
            [],
        )?;
        let log = conn.last_insert_rowid();
        seat(conn, log, &own.to_string(), &[1; 16])?;
        for one in &all {
            let device = one.keys.id();
            let (account, device) = (one.address.account.as_bytes(), device.as_bytes());
            let address = one.address.to_string();
            conn.execute("INSERT INTO account (id, created_ms) VALUES (?1, 1)", [account])?;
            conn.execute(
                "INSERT INTO manifest (address, seq, bytes) VALUES (?1, 1, ?2)",
                (&address, &one.manifest),
            )?;
            conn.execute(
                "INSERT INTO device (id, account, signature_key, seen_ms) VALUES (?1, ?2, ?3, ?4)",
                (device, account, one.keys.public(), now),
            )?;
            conn.execute(
                "INSERT INTO key_package (device, last_resort, expires_ms, body) VALUES (?1, 0, ?2, ?3)",
                (device, now + 86_400_000, &one.key_package),
            )?;
            seat(conn, log, &address, device)?;
        }
        Ok(())
    })?;
    world.run_for(30_000);
    world.settle()?;
    Ok(addresses)
}

fn seat(
    conn: &rusqlite::Connection,
    log: i64,
    address: &str,
    device: &[u8; 16],
) -> Result<(), rusqlite::Error> {
    conn.execute(
        "INSERT INTO seat (log, device, address, leaf, joined, cursor) VALUES (?1, ?2, ?3, 0, 0, 0)",
        (log, device, address),
    )?;
    Ok(())
}
