//! A store with many conversations, in a minute instead of hours: one that was really lived, and copies of its rows.
//!
//! A copy has every row that the core and the MLS library wrote for the conversation that it is made from: of each table
//! with a column `conversation` all rows of it, its row in `conversation`, the values of `meta` whose names end with its
//! local id, and the library's rows whose keys hold the group's id. Only the ids are others, in the values too; the
//! group's are as long as the first one, so that a row is as long as its original.
//!
//! Always holds: a copy is read by the library as a group of its own name with the members of the first. Deliberately
//! absent: entries; nobody can say anything in a copy, since all copies have the same keys.

use crate::person::random_bytes;
use anyhow::{Context as _, Result, ensure};
use comity_e2ee::{DeviceKeys, Groups};
use comity_wire::{Address, ConversationId, Id16};
use rusqlite::Connection;

/// Copies that are written in one transaction.
const AT_ONCE: usize = 500;
/// No small number: see `engine`.
const SIZE_IS_ONE: u8 = 0x20;

/// One conversation of a store, with all that is to be copied.
struct Original<'c> {
    conn: &'c Connection,
    local: i64,
    id: ConversationId,
    /// What copies the rows of a table: for the local id of the copy, from that of the original.
    tables: Vec<String>,
    /// What copies the row in `conversation`: under another id of the hub's.
    row: String,
    mls: Vec<LibraryRow>,
    /// Single values: the beginnings of their names, which end with the local id.
    values: Vec<(String, Vec<u8>)>,
}

/// A row of the library's: kind, key, value.
type LibraryRow = (i64, Vec<u8>, Vec<u8>);

/// Copies the conversation with this local id so often; the ids of the copies. The store's core is closed meanwhile.
pub(super) fn make(
    conn: &Connection,
    local: i64,
    id: &ConversationId,
    count: usize,
) -> Result<Vec<ConversationId>> {
    // Only of this connection, which ends with this: what is made here can be made again.
    conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")?;
    let original = Original::read(conn, local, id)?;
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let tx = conn.unchecked_transaction()?;
        for _ in 0..AT_ONCE.min(count - ids.len()) {
            ids.push(original.copy()?);
        }
        tx.commit()?;
    }
    if let Some(one) = ids.get(count / 2) {
        original.check(one)?;
    }
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(ids)
}

impl<'c> Original<'c> {
    fn read(conn: &'c Connection, local: i64, id: &ConversationId) -> Result<Self> {
        let mut tables = Vec::new();
        for table in names(
            conn,
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> ?1",
            "conversation",
        )? {
            let columns = columns(conn, &table)?;
            if columns.iter().any(|column| column == "conversation") {
                tables.push(copying(&table, &columns, "conversation", "conversation"));
            }
        }
        let columns = columns(conn, "conversation")?;
        let row = copying("conversation", &columns, "cid", "id");
        let within = format!("%/{local}/%");
        let parts = names(conn, "SELECT key FROM meta WHERE key LIKE ?1", &within)?;
        ensure!(parts.is_empty(), "something is under way: {parts:?}");
        let mut original = Self {
            conn,
            local,
            id: id.clone(),
            tables,
            row,
            mls: Vec::new(),
            values: values(conn, local)?,
        };
        original.mls = original.rows_of_the_library()?;
        ensure!(!original.mls.is_empty(), "the library keeps no such group");
        Ok(original)
    }

    fn rows_of_the_library(&self) -> Result<Vec<LibraryRow>> {
        let mut statement = self.conn.prepare("SELECT kind, key, value FROM mls")?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key: Vec<u8> = row.get(1)?;
            let names_it = forms(self.id.id.as_bytes())
                .iter()
                .any(|form| key.windows(form.len()).any(|part| part == form));
            if names_it {
                found.push((row.get(0)?, key, row.get(2)?));
            }
        }
        Ok(found)
    }

    fn copy(&self) -> Result<ConversationId> {
        let id = random_bytes().map(|byte: u8| byte | SIZE_IS_ONE);
        let id = ConversationId::new(self.id.hub.clone(), Id16::new(id));
        let conn = self.conn;
        conn.prepare_cached(&self.row)?
            .execute((id.id.to_vec(), self.local))?;
        let local = conn.last_insert_rowid();
        for sql in &self.tables {
            conn.prepare_cached(sql)?.execute((local, self.local))?;
        }
        let mut put = conn.prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2)")?;
        for (name, value) in &self.values {
            put.execute((format!("{name}{local}"), value))?;
        }
        let mut put =
            conn.prepare_cached("INSERT INTO mls (kind, key, value) VALUES (?1, ?2, ?3)")?;
        for (kind, key, value) in &self.mls {
            let (old, new) = (self.id.id.as_bytes(), id.id.as_bytes());
            put.execute((kind, renamed(key, old, new), renamed(value, old, new)))?;
        }
        Ok(id)
    }

    /// Whether the library reads a copy as what it should be.
    fn check(&self, copy: &ConversationId) -> Result<()> {
        let mut reader = Reader::new(&self.id)?;
        let first = reader.members(self.conn, &self.id)?;
        ensure!(
            reader.members(self.conn, copy)? == first && first.len() > 1,
            "a copy has other members"
        );
        Ok(())
    }
}

/// Loads groups of a store, as the core does.
pub(super) struct Reader {
    groups: Groups,
    keys: DeviceKeys,
    address: Address,
}

impl Reader {
    /// Of a device with keys of no matter: loading uses none.
    pub(super) fn new(at: &ConversationId) -> Result<Self> {
        let account = comity_wire::AccountId::new([1; 16]);
        Ok(Self {
            groups: Groups::new(),
            keys: DeviceKeys::generate(&mut crate::person::random),
            address: Address::new(at.hub.clone(), account),
        })
    }

    /// Loads a group that was not loaded before; its epoch.
    pub(super) fn load(&mut self, conn: &Connection, id: &ConversationId) -> Result<u64> {
        let mut session = self.groups.session(conn, &self.keys, &self.address);
        Ok(session.epoch(id)?)
    }

    fn members(
        &mut self,
        conn: &Connection,
        id: &ConversationId,
    ) -> Result<Vec<comity_wire::DeviceId>> {
        let mut session = self.groups.session(conn, &self.keys, &self.address);
        let context = session.context(id)?;
        ensure!(context.conversation == *id, "a copy has another name");
        let members = session.members(id)?;
        Ok(members.into_iter().map(|member| member.device).collect())
    }
}

fn names(conn: &Connection, sql: &str, of: &str) -> Result<Vec<String>> {
    let mut statement = conn.prepare(sql)?;
    let names = statement.query_map([of], |row| row.get(0))?;
    names
        .collect::<rusqlite::Result<_>>()
        .context("reading names")
}

/// Values whose names end with this local id, without it.
fn values(conn: &Connection, local: i64) -> Result<Vec<(String, Vec<u8>)>> {
    let mut statement = conn.prepare(
        "SELECT substr(key, 1, length(key) - length(?1)), value FROM meta WHERE key LIKE '%/' || ?1",
    )?;
    let rows = statement.query_map([local.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What inserts copies of rows of a table: those of which the column `of` is `?2`, with `?1` in the column `other`.
fn copying(table: &str, columns: &[String], other: &str, of: &str) -> String {
    let quoted = |column: &String| format!("\"{column}\"");
    let to: Vec<String> = columns.iter().map(quoted).collect();
    let from: Vec<String> = columns
        .iter()
        .map(|column| {
            if column == other {
                "?1".to_owned()
            } else {
                quoted(column)
            }
        })
        .collect();
    let (to, from) = (to.join(", "), from.join(", "));
    format!("INSERT INTO {table} ({to}) SELECT {from} FROM {table} WHERE {of} = ?2")
}

/// Of a table, but for a number that SQLite gives each row.
fn columns(conn: &Connection, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_table_info(?1)
         WHERE NOT (pk = 1 AND type = 'INTEGER' AND (SELECT count(*) FROM pragma_table_info(?1) WHERE pk > 0) = 1)";
    names(conn, sql, table)
}

/// How bytes stand in CBOR: as they are, or as a list of numbers none of which is small.
fn forms(id: &[u8; 16]) -> [Vec<u8>; 2] {
    const NUMBER: u8 = 0x18;
    let list = id.iter().flat_map(|byte| [NUMBER, *byte]).collect();
    [id.to_vec(), list]
}

/// The same bytes with another id, wherever the old one stands.
fn renamed(bytes: &[u8], old: &[u8; 16], new: &[u8; 16]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (from, to) in forms(old).into_iter().zip(forms(new)) {
        let mut at = 0;
        while let Some(part) = bytes.get_mut(at..at + from.len()) {
            if *part == from {
                part.copy_from_slice(&to);
                at += from.len();
            } else {
                at += 1;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_renamed_in_both_of_its_forms_and_nothing_else_is() {
        let (mut old, mut new) = ([0; 16], [0; 16]);
        for (number, (one, other)) in (0x41..).zip(old.iter_mut().zip(&mut new)) {
            (*one, *other) = (number, number + 0x40);
        }
        let [plain, list] = forms(&old);
        let text = [b"ab".as_slice(), &plain, b"AAA", &list, &plain, b"z"].concat();
        let [other, others] = forms(&new);
        let expected = [b"ab".as_slice(), &other, b"AAA", &others, &other, b"z"].concat();
        assert_eq!(renamed(&text, &old, &new), expected);
    }

    #[test]
    fn values_of_another_local_id_are_not_copied() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);
             INSERT INTO meta VALUES ('expected/2', x'01'), ('expected/12', x'02'), ('me2', x'03');",
        )
        .unwrap();
        let found = values(&conn, 2).unwrap();
        assert_eq!(found, [("expected/".to_owned(), vec![1])]);
    }

    #[test]
    fn a_number_that_sqlite_gives_is_no_column_to_copy() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE one (id INTEGER PRIMARY KEY, conversation INTEGER, text TEXT);
             CREATE TABLE two (conversation INTEGER, seq INTEGER, PRIMARY KEY (conversation, seq)) WITHOUT ROWID;",
        )
        .unwrap();
        assert_eq!(columns(&conn, "one").unwrap(), ["conversation", "text"]);
        assert_eq!(columns(&conn, "two").unwrap(), ["conversation", "seq"]);
        conn.execute("INSERT INTO one VALUES (7, 1, 'said')", [])
            .unwrap();
        let sql = copying(
            "one",
            &columns(&conn, "one").unwrap(),
            "conversation",
            "conversation",
        );
        assert_eq!(conn.execute(&sql, (2, 1)).unwrap(), 1);
        let text: String = conn
            .query_row("SELECT text FROM one WHERE conversation = 2", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(text, "said");
    }
}
