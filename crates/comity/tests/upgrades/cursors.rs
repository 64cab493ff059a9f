//! How far devices have read, as the server has it: after an upgrade where it was, and from then on
//! never further back, whether it stands in a seat or packed with others.

use super::{ALICE, BOB, HOUR_S, opened, unpacked};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Releases that had no packed cursors.
const RELEASES: [&str; 2] = ["0.1.0", "0.1.0-groups"];

/// By log and device.
type Cursors = BTreeMap<(i64, [u8; 16]), u64>;

fn server(folder: &Path) -> Connection {
    Connection::open(folder.join("server/comity.sqlite")).unwrap()
}

fn seats(conn: &Connection) -> Cursors {
    let mut select = conn
        .prepare("SELECT log, device, cursor FROM seat")
        .unwrap();
    let rows = select.query_map([], |row| {
        let cursor: i64 = row.get(2)?;
        Ok(((row.get(0)?, row.get(1)?), u64::try_from(cursor).unwrap()))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

/// The further one of each, of the seat's own and the packed one.
fn all(conn: &Connection) -> Cursors {
    let mut all = seats(conn);
    let mut select = conn
        .prepare("SELECT log, packed FROM packed_cursor")
        .unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)));
    for row in rows.unwrap() {
        let (log, packed) = row.unwrap();
        let (each, rest) = packed.as_chunks::<24>();
        assert!(rest.is_empty() && !each.is_empty());
        for one in each {
            let (device, seq) = one.split_first_chunk::<16>().unwrap();
            let seq = u64::from_be_bytes(seq.try_into().unwrap());
            let seat = all.get_mut(&(log, *device)).expect("a seat for each");
            *seat = seq.max(*seat);
        }
    }
    all
}

fn has_packed(conn: &Connection) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'packed_cursor')";
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn cursors_are_where_they_were_and_never_go_back() {
    for release in RELEASES {
        let (folder, made_s) = unpacked(release);
        let before = {
            let conn = server(folder.path());
            assert!(!has_packed(&conn), "{release}");
            seats(&conn)
        };
        assert!(before.values().any(|cursor| *cursor > 0), "{release}");
        let mut house = opened(folder.path(), made_s + HOUR_S);
        // The door is open a moment before the database is.
        let begun = Instant::now();
        while !has_packed(&server(folder.path())) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{release}");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(all(&server(folder.path())), before, "{release}");

        let mut cursors = before;
        for round in 0..3 {
            house.act("alice", &["send", BOB, &format!("Forward {round}")]);
            house.act("bob", &["send", ALICE, &format!("And on {round}")]);
            super::all_there(&house, &["alice", "tablet", "bob"]);
            // Everything is written down.
            house.close();
            let now = all(&server(folder.path()));
            let back = |(key, cursor): &(&(i64, [u8; 16]), &u64)| {
                now.get(*key).is_none_or(|now| now < cursor)
            };
            assert_eq!(cursors.iter().find(back), None, "{release}: {round}");
            assert!(now != cursors, "{release}: {round}: somebody has read");
            heads(&server(folder.path()), &now);
            cursors = now;
            house.open();
        }
        let history = house.history("tablet", BOB);
        assert!(history.ends_with("> Forward 2\n< And on 2\n"), "{history}");
    }
}

/// Nobody has read further than there is.
fn heads(conn: &Connection, cursors: &Cursors) {
    for ((log, device), cursor) in cursors {
        let head: i64 = conn
            .query_row("SELECT head FROM log WHERE id = ?1", params![log], |row| {
                row.get(0)
            })
            .unwrap();
        assert!(
            *cursor <= u64::try_from(head).unwrap(),
            "{log} {device:?}: {cursor} of {head}"
        );
    }
}
