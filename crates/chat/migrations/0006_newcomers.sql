-- The first epoch that all members of a log can read: content from before the newest joining is not
-- taken any more.
ALTER TABLE log ADD COLUMN read_from INTEGER NOT NULL DEFAULT 0;
