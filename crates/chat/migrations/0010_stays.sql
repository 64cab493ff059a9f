-- What a device was given by an earlier seat that ended, and had not read when it got a new one: behind
-- `joined`, up to the commit that ended it.
CREATE TABLE stay (
  log INTEGER NOT NULL,
  device BLOB NOT NULL,
  joined INTEGER NOT NULL,
  removed INTEGER NOT NULL,
  PRIMARY KEY (log, device, removed)
) STRICT, WITHOUT ROWID;
