-- The commit by which a device came in by itself, for as long as its seat: what it is answered when it asks once
-- more, also after everybody has read that commit and it is gone.
ALTER TABLE seat ADD COLUMN came_key BLOB;
ALTER TABLE seat ADD COLUMN came_epoch INTEGER;
ALTER TABLE seat ADD COLUMN came_ms INTEGER;
