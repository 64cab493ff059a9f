-- Cursors of many devices of one log in one row: a large group that reads along moves all of them
-- every few seconds. What stands in `seat` holds where it is further.
CREATE TABLE packed_cursor (
  log INTEGER NOT NULL PRIMARY KEY,
  packed BLOB NOT NULL
) STRICT;
