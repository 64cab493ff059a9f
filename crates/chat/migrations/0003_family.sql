-- Other apps that this one is joined with; the key was pinned when they were added.
CREATE TABLE sibling (
  id INTEGER PRIMARY KEY,
  app TEXT NOT NULL UNIQUE,
  key BLOB NOT NULL,
  -- As its follower: changes of its logs are known here up to this token of its.
  token INTEGER NOT NULL DEFAULT 0,
  -- As its hub: when it last took something.
  seen_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The app of a seat's device: 0 is this one. `gone`: its app says that the device is no more.
ALTER TABLE seat ADD COLUMN sibling INTEGER NOT NULL DEFAULT 0;
ALTER TABLE seat ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
-- Pointers for devices of a sibling go over the link to it.
ALTER TABLE outbox ADD COLUMN sibling INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_by_sibling ON outbox(sibling, id);
-- When this server took an entry of a followed log; its own time is the hub's.
ALTER TABLE entry ADD COLUMN taken_ms INTEGER;

-- As hub: a sibling's place in a log. It has the entries up to `taken`.
CREATE TABLE follower (
  log INTEGER NOT NULL,
  sibling INTEGER NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER,
  taken INTEGER NOT NULL,
  PRIMARY KEY (log, sibling)
) STRICT, WITHOUT ROWID;
CREATE INDEX follower_by_sibling ON follower(sibling, log);

-- As follower: logs whose hub is a sibling.
CREATE TABLE followed (
  log INTEGER NOT NULL PRIMARY KEY,
  sibling INTEGER NOT NULL,
  conversation BLOB NOT NULL,
  state_version INTEGER NOT NULL,
  UNIQUE (sibling, conversation)
) STRICT;
-- How far devices of other apps are, and whose accounts are in.
CREATE TABLE followed_cursor (
  log INTEGER NOT NULL,
  device BLOB NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (log, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE followed_member (
  log INTEGER NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (log, address)
) STRICT, WITHOUT ROWID;
-- Marks of own devices that their hub does not have yet.
CREATE TABLE pending_mark (
  sibling INTEGER NOT NULL,
  conversation BLOB NOT NULL,
  device BLOB NOT NULL,
  account BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (sibling, conversation, device)
) STRICT, WITHOUT ROWID;
