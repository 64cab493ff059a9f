-- The number of a report that was deleted is given to no other one.
CREATE TABLE numbered_report (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT;
INSERT INTO numbered_report (id, at_ms, sealed) SELECT id, at_ms, sealed FROM report;
DROP TABLE report;
ALTER TABLE numbered_report RENAME TO report;
