-- The hub's count of changes as of which the copy has its seats, members and marks.
ALTER TABLE followed ADD COLUMN as_of INTEGER NOT NULL DEFAULT 0;
