-- One row that the readiness probe writes, so that it notices a disk that takes nothing.
CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at_ms INTEGER NOT NULL) STRICT;
INSERT INTO probe (id, at_ms) VALUES (1, 0);
-- An upload whose bytes were all there while its blob was not: its last byte is asked for again.
UPDATE blob SET safe = size - 1 WHERE complete = 0 AND safe = size;
-- Unfinished uploads are counted by account.
CREATE INDEX blob_unfinished ON blob (account) WHERE complete = 0;
