//! What everybody has written down, for finding out why a world did not end well.
//!
//! Always holds: names are short and for people; nothing is judged here. Deliberately absent: secrets.

use crate::world::World;
use anyhow::Result;
use rusqlite::Connection;
use rusqlite::types::Value;

/// A line for each conversation, intent and wish of each device, and each seat at each app.
///
/// # Errors
/// When a store can not be read.
pub fn lines(world: &World) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for who in world.everyone() {
        let name = world.name(who);
        lines.push(format!("{} {name}:", who.0));
        if world.is_erased(who) {
            lines.push("  erased".to_owned());
            continue;
        }
        let conn = world.snapshot(who)?.database("store.db")?;
        for sql in [
            "SELECT 'conversation ' || id, hub, lower(substr(hex(cid), 1, 6)), 'kind ' || kind,
                    substr(peer, 1, 6), state, 'joined ' || joined_seq, 'next ' || next_seq,
                    'head ' || head_seq, 'epoch ' || epoch,
                    (SELECT count(*) FROM send_queue q WHERE q.conversation = c.id) || ' to send'
             FROM conversation c ORDER BY id",
            "SELECT 'intent in ' || conversation, kind, 'attempts ' || attempts,
                    'not before ' || not_before_ms, CASE WHEN frame IS NULL THEN '' ELSE 'sent' END
             FROM intent ORDER BY conversation, id",
            "SELECT 'wish in ' || conversation, kind, target FROM wish ORDER BY id",
            "SELECT 'notice in ' || conversation, seq, text FROM message WHERE kind = 'notice'
             ORDER BY id",
        ] {
            lines.extend(rows(&conn, sql)?);
        }
    }
    let names: Vec<(Vec<u8>, String)> = world
        .everyone()
        .into_iter()
        .filter(|who| !world.is_erased(*who))
        .filter_map(|who| {
            let account = world.core(who).ok()?.account().ok()??;
            Some((account.device.to_vec(), world.name(who).to_owned()))
        })
        .collect();
    let apps = world.inspect_apps(|conn| {
        let mut statement = conn.prepare(
            "SELECT lower(hex(s.device)), l.kind, lower(substr(hex(coalesce(f.conversation, l.name)), 1, 6)),
                    l.head, l.first, l.epoch, s.joined, s.removed, s.cursor, s.leaving, s.gone
             FROM seat s JOIN log l ON l.id = s.log LEFT JOIN followed f ON f.log = l.id
             WHERE l.kind != 0 ORDER BY l.id, s.joined",
        )?;
        let rows = statement.query_map([], |row| {
            let device: String = row.get(0)?;
            let mut line = String::new();
            for column in 1..11 {
                line.push_str(&format!("{:?} ", row.get::<_, Value>(column)?));
            }
            Ok((device, line))
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    })?;
    for (number, seats) in apps.into_iter().enumerate() {
        lines.push(format!(
            "app {number}: kind, log, head, first, epoch; joined, removed, cursor, leaving, gone"
        ));
        for (device, line) in seats {
            let name = names.iter().find_map(|(bytes, name)| {
                (data_encoding::HEXLOWER.encode(bytes) == device).then_some(name.as_str())
            });
            let line = line.replace("Integer", "").replace("Text", "");
            lines.push(format!("  {line} {}", name.unwrap_or("nobody any more")));
        }
    }
    Ok(lines)
}

fn rows(conn: &Connection, sql: &str) -> Result<Vec<String>> {
    let mut statement = conn.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let mut line = " ".to_owned();
        for column in 0..columns {
            match row.get::<_, Value>(column)? {
                Value::Text(text) => line.push_str(&format!(" {text}")),
                Value::Integer(number) => line.push_str(&format!(" {number}")),
                Value::Null => line.push_str(" -"),
                other => line.push_str(&format!(" {other:?}")),
            }
        }
        lines.push(line);
    }
    Ok(lines)
}
