-- Random keys of the server: token sealing, franking, code pepper, the app's signing key.
CREATE TABLE secret (
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;

CREATE TABLE account (
  id BLOB NOT NULL PRIMARY KEY,
  created_ms INTEGER NOT NULL,
  -- 1: can not sign in. 2: to be deleted.
  suspended INTEGER NOT NULL DEFAULT 0,
  profile BLOB NOT NULL DEFAULT x'',
  recovery_box BLOB NOT NULL DEFAULT x'',
  lock_hash BLOB NOT NULL DEFAULT x'',
  lock_salt BLOB NOT NULL DEFAULT x''
) STRICT;

-- What was deleted is told from what never was by its id alone.
CREATE TABLE account_gone (
  id BLOB NOT NULL PRIMARY KEY,
  at_ms INTEGER NOT NULL
) STRICT;

-- Newest manifest that this server holds of an account, of this app or another.
CREATE TABLE manifest (
  address TEXT NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE device (
  id BLOB NOT NULL PRIMARY KEY,
  account BLOB NOT NULL,
  signature_key BLOB NOT NULL,
  introduction_key BLOB NOT NULL DEFAULT x'',
  revoked INTEGER NOT NULL DEFAULT 0,
  seen_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX device_by_account ON device(account);

-- Numbers, dated: one account has a number at a time.
CREATE TABLE alias (
  number TEXT NOT NULL,
  account BLOB NOT NULL,
  since_ms INTEGER NOT NULL,
  until_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX alias_now ON alias(number) WHERE until_ms IS NULL;
CREATE INDEX alias_by_account ON alias(account);

CREATE TABLE registration (
  id TEXT NOT NULL PRIMARY KEY,
  number TEXT NOT NULL,
  code_hash BLOB NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  made_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  -- The account that had the number when the code was right.
  existing BLOB,
  token_hash BLOB,
  token_expires_ms INTEGER,
  -- The account that was made with the token: the same call again gets the same answer.
  made_account BLOB
) STRICT;
CREATE INDEX registration_by_number ON registration(number, made_ms);
CREATE UNIQUE INDEX registration_by_token ON registration(token_hash) WHERE token_hash IS NOT NULL;

-- Development outbox: codes that were not sent to anybody.
CREATE TABLE code_outbox (
  id INTEGER PRIMARY KEY,
  number TEXT NOT NULL,
  code TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE key_package (
  id INTEGER PRIMARY KEY,
  device BLOB NOT NULL,
  last_resort INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX key_package_by_device ON key_package(device, last_resort, id);

CREATE TABLE introduction (
  from_account BLOB NOT NULL,
  id BLOB NOT NULL,
  to_account BLOB NOT NULL,
  token_hash BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  seal BLOB NOT NULL,
  answered INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (from_account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX introduction_by_token ON introduction(token_hash);

CREATE TABLE block (
  account BLOB NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
  id TEXT NOT NULL PRIMARY KEY,
  made_ms INTEGER NOT NULL,
  offer BLOB NOT NULL,
  sealed_grant BLOB
) STRICT;

CREATE TABLE blob (
  id BLOB NOT NULL PRIMARY KEY,
  account BLOB NOT NULL,
  size INTEGER NOT NULL,
  -- Bytes that are safe in the staging file.
  safe INTEGER NOT NULL DEFAULT 0,
  complete INTEGER NOT NULL DEFAULT 0,
  made_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX blob_by_account ON blob(account);
CREATE INDEX blob_by_end ON blob(until_ms);

CREATE TABLE report (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT;

-- Logs: conversations (their id) and inboxes (their device's id).
CREATE TABLE log (
  id INTEGER PRIMARY KEY,
  name BLOB NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  version INTEGER NOT NULL,
  head INTEGER NOT NULL,
  first INTEGER NOT NULL,
  activity INTEGER NOT NULL,
  swept INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE counter (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  activity INTEGER NOT NULL
) STRICT;
INSERT INTO counter VALUES (1, 0);

-- In the order of arrival; who wrote an entry is not kept.
CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  log INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  idempotency_key BLOB NOT NULL,
  seal BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX entry_by_seq ON entry(log, seq);
CREATE UNIQUE INDEX entry_by_key ON entry(log, idempotency_key);
-- The arrival order is the order of time: the oldest are found from the front.

-- Devices with a place in a log; `removed` is the commit that ended it.
CREATE TABLE seat (
  log INTEGER NOT NULL,
  device BLOB NOT NULL,
  address TEXT NOT NULL,
  leaf INTEGER NOT NULL,
  joined INTEGER NOT NULL,
  removed INTEGER,
  cursor INTEGER NOT NULL,
  PRIMARY KEY (log, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX seat_by_device ON seat(device, log);
CREATE INDEX seat_by_address ON seat(address, log);

CREATE TABLE group_state (
  log INTEGER NOT NULL PRIMARY KEY,
  public BLOB NOT NULL,
  group_info BLOB NOT NULL,
  sealed_state BLOB NOT NULL,
  sealed_version INTEGER NOT NULL
) STRICT;

-- One conversation for each pair of addresses (a self conversation: twice the own one).
CREATE TABLE pair (
  lower TEXT NOT NULL,
  higher TEXT NOT NULL,
  log INTEGER NOT NULL,
  PRIMARY KEY (lower, higher)
) STRICT, WITHOUT ROWID;

CREATE TABLE welcome (
  log INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  welcome BLOB NOT NULL,
  ratchet_tree BLOB NOT NULL,
  sealed_state BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

-- Pointers on their way into inboxes.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  device BLOB NOT NULL,
  kind INTEGER NOT NULL,
  idempotency_key BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE mark (
  log INTEGER NOT NULL,
  device BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (log, device)
) STRICT, WITHOUT ROWID;

-- Removals that the app proposed, by the epoch in which it did.
CREATE TABLE proposal (
  log INTEGER NOT NULL,
  device BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  PRIMARY KEY (log, device)
) STRICT, WITHOUT ROWID;
