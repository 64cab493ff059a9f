//! Cursors of one log, packed into one row: 16 bytes of a device's id and 8 of its number each.
//!
//! Always holds: a cursor only grows; the further one counts, of the packed one and the seat's own;
//! only devices whose seat stands are packed, so that of a seat that has ended its own row says all.

use comity_wire::DeviceId;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// From so many that moved in one log they are written packed: a row of its own for each would be
/// more. Simulated groups are small, and are to come across this too.
pub(crate) const PACKED_MIN: usize = if cfg!(feature = "simulation") { 2 } else { 8 };

/// The packed cursors of one log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed(BTreeMap<DeviceId, u64>);

impl Packed {
    /// Of this log; none when it has no such row.
    pub(crate) fn read(conn: &Connection, log: i64) -> Result<Self, rusqlite::Error> {
        let bytes: Option<Vec<u8>> = conn
            .prepare_cached("SELECT packed FROM packed_cursor WHERE log = ?1")?
            .query_row([log], |row| row.get(0))
            .optional()?;
        Ok(Self::decode(&bytes.unwrap_or_default()))
    }

    /// Puts the row.
    pub(crate) fn write(&self, conn: &Connection, log: i64) -> Result<(), rusqlite::Error> {
        let mut bytes = Vec::with_capacity(24 * self.0.len());
        for (device, seq) in &self.0 {
            bytes.extend_from_slice(device.as_bytes());
            bytes.extend_from_slice(&seq.to_be_bytes());
        }
        conn.prepare_cached(
            "INSERT INTO packed_cursor (log, packed) VALUES (?1, ?2)
             ON CONFLICT (log) DO UPDATE SET packed = excluded.packed",
        )?
        .execute(params![log, bytes])?;
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Self {
        let one = |bytes: &[u8; 24]| {
            let (device, seq) = bytes.split_first_chunk::<16>()?;
            Some((
                DeviceId::new(*device),
                u64::from_be_bytes(seq.try_into().ok()?),
            ))
        };
        Self(bytes.as_chunks().0.iter().filter_map(one).collect())
    }

    /// A device has read up to here; true when that is further than what is packed.
    pub(crate) fn advance(&mut self, device: DeviceId, seq: u64) -> bool {
        let cursor = self.0.entry(device).or_default();
        let further = seq > *cursor;
        *cursor = seq.max(*cursor);
        further
    }

    /// The further one, of what stands in its seat and here.
    pub(crate) fn further(&self, device: &[u8], seq: u64) -> u64 {
        let packed = DeviceId::from_slice(device).ok();
        let packed = packed.and_then(|device| self.0.get(&device));
        packed.map_or(seq, |packed| seq.max(*packed))
    }
}

/// Before the seats of these devices end: each gets its cursor back.
pub(crate) fn unpack(
    conn: &Connection,
    log: i64,
    devices: impl Iterator<Item = DeviceId>,
) -> Result<(), rusqlite::Error> {
    let mut devices = devices.peekable();
    if devices.peek().is_none() {
        return Ok(());
    }
    let mut packed = Packed::read(conn, log)?;
    let mut some = false;
    for device in devices {
        let Some(seq) = packed.0.remove(&device) else {
            continue;
        };
        some = true;
        conn.prepare_cached(
            "UPDATE seat SET cursor = ?3 WHERE log = ?1 AND device = ?2 AND cursor < ?3",
        )?
        .execute(params![log, device.as_bytes(), seq])?;
    }
    if some {
        packed.write(conn, log)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        for migration in crate::migrations::MIGRATIONS {
            conn.execute_batch(migration).unwrap();
        }
        conn
    }

    const DEVICES: [DeviceId; 3] = [
        DeviceId::new([1; 16]),
        DeviceId::new([2; 16]),
        DeviceId::new([3; 16]),
    ];

    #[test]
    fn what_was_packed_is_read_back_and_only_grows() {
        let conn = database();
        assert_eq!(Packed::read(&conn, 1).unwrap(), Packed::default());
        let mut packed = Packed::default();
        assert!(packed.advance(DEVICES[0], 10));
        assert!(packed.advance(DEVICES[1], 11));
        assert!(!packed.advance(DEVICES[0], 5), "that is not further");
        assert!(!packed.advance(DEVICES[1], 11), "nor is this");
        packed.write(&conn, 1).unwrap();
        packed.write(&conn, 1).unwrap();
        let read = Packed::read(&conn, 1).unwrap();
        assert_eq!(read, packed);
        assert_eq!(read.further(DEVICES[0].as_bytes(), 0), 10);
        assert_eq!(read.further(DEVICES[0].as_bytes(), 12), 12);
        assert_eq!(read.further(DEVICES[1].as_bytes(), 0), 11);
        assert_eq!(read.further(DEVICES[2].as_bytes(), 7), 7);
        assert_eq!(read.further(b"no device", 7), 7);
        assert_eq!(Packed::read(&conn, 2).unwrap(), Packed::default());
    }

    #[test]
    fn who_is_unpacked_has_its_cursor_in_its_seat_and_only_there() {
        let conn = database();
        for (device, cursor) in DEVICES.iter().zip([0, 12, 0]) {
            conn.execute(
                "INSERT INTO seat (log, device, address, leaf, joined, cursor)
                 VALUES (1, ?1, 'a', 0, 0, ?2)",
                params![device.as_bytes(), cursor],
            )
            .unwrap();
        }
        let mut packed = Packed::default();
        for (device, seq) in DEVICES.into_iter().zip(10..) {
            packed.advance(device, seq);
        }
        packed.write(&conn, 1).unwrap();
        unpack(&conn, 1, DEVICES.into_iter().take(2)).unwrap();
        unpack(&conn, 1, DEVICES.into_iter().take(2)).unwrap();
        let mut select = conn
            .prepare("SELECT cursor FROM seat ORDER BY device")
            .unwrap();
        let seats: Vec<u64> = select
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(seats, [10, 12, 0], "the seat's own was further once");
        let mut left = Packed::default();
        left.advance(DEVICES[2], 12);
        assert_eq!(Packed::read(&conn, 1).unwrap(), left);
    }
}
