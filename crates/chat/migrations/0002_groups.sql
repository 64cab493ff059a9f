-- What a member of a group may not do: say something (only admins speak), or anything at all,
-- because its account has asked to leave.
ALTER TABLE seat ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE seat ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;
CREATE INDEX seat_leaving ON seat(log) WHERE leaving = 1 AND removed IS NULL;
