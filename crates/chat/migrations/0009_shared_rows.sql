-- Entries of one log and commit share a row: its columns are of the first, the others are packed.
ALTER TABLE entry ADD COLUMN others INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN more BLOB NOT NULL DEFAULT x'';

-- Idempotency keys of entries that are not young any more; those of the rows behind
-- `counter.keyed` are in memory, and in the rows.
CREATE TABLE entry_key (
  log INTEGER NOT NULL,
  key BLOB NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (log, key)
) STRICT, WITHOUT ROWID;
INSERT INTO entry_key (log, key, seq)
  SELECT log, idempotency_key, seq FROM entry ORDER BY log, idempotency_key;
DROP INDEX entry_by_key;
ALTER TABLE counter ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0;
UPDATE counter SET keyed = coalesce((SELECT max(id) FROM entry), 0);
