//! Cursors of one log, packed into one row: 16 bytes of a device's id and 8 of its number each.
//!
//! Always holds: a cursor only grows; the further one counts, of the packed one and the seat's own.
//! Deliberately absent: devices without a seat, which are left out when the row is written.

use super::book::Seat;
use comity_wire::DeviceId;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// From so many that moved in one log they are written packed: a row of its own for each would be
/// more.
pub(crate) const PACKED_MIN: usize = 8;

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

    /// Puts the row, of devices that have a seat.
    pub(crate) fn write(
        &self,
        conn: &Connection,
        log: i64,
        seats: &[Seat],
    ) -> Result<(), rusqlite::Error> {
        let mut bytes = Vec::with_capacity(24 * self.0.len());
        for seat in seats {
            if let Some(seq) = self.0.get(&seat.device) {
                bytes.extend_from_slice(seat.device.as_bytes());
                bytes.extend_from_slice(&seq.to_be_bytes());
            }
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

    /// A device has read up to here.
    pub(crate) fn advance(&mut self, device: DeviceId, seq: u64) {
        let cursor = self.0.entry(device).or_default();
        *cursor = seq.max(*cursor);
    }

    /// The further one, of what stands in its seat and here.
    pub(crate) fn further(&self, device: &[u8], seq: u64) -> u64 {
        let packed = DeviceId::from_slice(device).ok();
        let packed = packed.and_then(|device| self.0.get(&device));
        packed.map_or(seq, |packed| seq.max(*packed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_read_back_and_only_grows() {
        let conn = Connection::open_in_memory().unwrap();
        for migration in crate::migrations::MIGRATIONS {
            conn.execute_batch(migration).unwrap();
        }
        assert_eq!(Packed::read(&conn, 1).unwrap(), Packed::default());
        let devices = [1, 2, 3].map(|n| DeviceId::new([n; 16]));
        let mut packed = Packed::default();
        for (seq, device) in (10..).zip(devices) {
            packed.advance(device, seq);
        }
        packed.advance(devices[0], 5);
        // The third one has no seat any more.
        let seats: Vec<_> = devices[..2]
            .iter()
            .map(|device| Seat::new(*device, 0))
            .collect();
        packed.write(&conn, 1, &seats).unwrap();
        packed.write(&conn, 1, &seats).unwrap();
        let read = Packed::read(&conn, 1).unwrap();
        assert_eq!(read.further(devices[0].as_bytes(), 0), 10);
        assert_eq!(read.further(devices[0].as_bytes(), 12), 12);
        assert_eq!(read.further(devices[1].as_bytes(), 0), 11);
        assert_eq!(read.further(devices[2].as_bytes(), 7), 7);
        assert_eq!(read.further(b"no device", 7), 7);
    }
}
