//! Migrations of the client's store, in order. A released one never changes.

pub(super) const MIGRATIONS: &[&str] = &["
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- People (and the own account) that this device knows of.
CREATE TABLE contact (
    address TEXT PRIMARY KEY,
    alias TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',
    about TEXT NOT NULL DEFAULT '',
    photo BLOB,
    root_key BLOB NOT NULL,
    manifest BLOB NOT NULL,
    manifest_seq INTEGER NOT NULL,
    profile_key BLOB,
    -- The root key that the person compared; differing from root_key means: no longer verified.
    verified_root BLOB,
    accepted INTEGER NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0,
    alias_moved INTEGER NOT NULL DEFAULT 0,
    changed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE conversation (
    id INTEGER PRIMARY KEY,
    -- Absent while an introduction waits for its answer.
    hub TEXT,
    cid BLOB,
    kind INTEGER NOT NULL,
    peer TEXT,
    state TEXT NOT NULL,
    -- Token of the introduction that is being accepted: the right to the peer's key packages.
    peer_token BLOB,
    joined_seq INTEGER NOT NULL DEFAULT 0,
    next_seq INTEGER NOT NULL DEFAULT 1,
    head_seq INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0,
    read_seq INTEGER NOT NULL DEFAULT 0,
    unread INTEGER NOT NULL DEFAULT 0,
    last_ms INTEGER NOT NULL DEFAULT 0,
    mark_counter INTEGER NOT NULL DEFAULT 0,
    mark_epoch INTEGER NOT NULL DEFAULT -1,
    draft TEXT NOT NULL DEFAULT '',
    UNIQUE (hub, cid)
) STRICT;
CREATE UNIQUE INDEX conversation_peer ON conversation (peer) WHERE peer IS NOT NULL;

-- Digests of the newest entries, to notice a drop in the middle.
CREATE TABLE trail (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    seq INTEGER NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    seq INTEGER,
    message_id BLOB NOT NULL,
    author TEXT NOT NULL,
    author_device BLOB NOT NULL,
    outgoing INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    -- text, attachment, notice, unreadable, unknown
    kind TEXT NOT NULL,
    -- queued, sent, failed, received
    status TEXT NOT NULL,
    text TEXT NOT NULL DEFAULT '',
    content BLOB NOT NULL,
    edited INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    failure TEXT NOT NULL DEFAULT '',
    franking_key BLOB, sender_nonce BLOB, header BLOB, seal BLOB,
    UNIQUE (conversation, message_id)
) STRICT;
CREATE INDEX message_order ON message (conversation, coalesce(seq, 9223372036854775807), id);
CREATE INDEX message_unread ON message (conversation, seq) WHERE outgoing = 0;

CREATE VIRTUAL TABLE message_search USING fts5 (
    text, content = 'message', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE TRIGGER message_insert AFTER INSERT ON message BEGIN
    INSERT INTO message_search (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER message_remove AFTER DELETE ON message BEGIN
    INSERT INTO message_search (message_search, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER message_retext AFTER UPDATE OF text ON message BEGIN
    INSERT INTO message_search (message_search, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO message_search (rowid, text) VALUES (new.id, new.text);
END;

CREATE TABLE reaction (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    target BLOB NOT NULL, author TEXT NOT NULL, emoji TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (conversation, target, author)
) STRICT, WITHOUT ROWID;

-- Edits and deletions whose target has not arrived yet (history comes newest first).
CREATE TABLE amendment (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    target BLOB NOT NULL, author TEXT NOT NULL, text TEXT, at_ms INTEGER NOT NULL,
    PRIMARY KEY (conversation, target, author)
) STRICT, WITHOUT ROWID;

-- What this device still has to append, in order.
CREATE TABLE send_queue (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    message_id BLOB NOT NULL,
    content BLOB NOT NULL,
    idempotency_key BLOB,
    epoch INTEGER,
    body BLOB,
    franking_key BLOB, sender_nonce BLOB, header BLOB,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX send_queue_order ON send_queue (conversation, id);
CREATE INDEX send_queue_key ON send_queue (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- What this device wants of a conversation's membership. Intents persist; commits are made anew.
CREATE TABLE intent (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    -- create, reconcile, update, rejoin
    kind TEXT NOT NULL,
    idempotency_key BLOB,
    frame BLOB,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    UNIQUE (conversation, kind)
) STRICT;

-- Welcomes that were pointed to and not yet joined.
CREATE TABLE welcome (
    hub TEXT NOT NULL, cid BLOB NOT NULL, commit_seq INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hub, cid, commit_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursor (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    device BLOB NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE mark (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    device BLOB NOT NULL, counter INTEGER NOT NULL, read_seq INTEGER NOT NULL,
    PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE mark_key (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    epoch INTEGER NOT NULL, key BLOB NOT NULL,
    PRIMARY KEY (conversation, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE member (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    device BLOB NOT NULL, address TEXT NOT NULL, signature_key BLOB NOT NULL,
    PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;

-- Strangers who asked to talk.
CREATE TABLE request (
    address TEXT PRIMARY KEY,
    id BLOB NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL,
    first BLOB NOT NULL, token BLOB NOT NULL, at_ms INTEGER NOT NULL,
    from_device BLOB NOT NULL,
    franking_key BLOB NOT NULL, sender_nonce BLOB NOT NULL, header BLOB NOT NULL, seal BLOB NOT NULL
) STRICT;
-- Introductions that this device makes.
CREATE TABLE introduction (
    address TEXT PRIMARY KEY,
    id BLOB NOT NULL, token BLOB NOT NULL, message_id BLOB NOT NULL,
    -- wanted, posted
    state TEXT NOT NULL, call BLOB, not_before_ms INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE introduction_key (
    public_key BLOB PRIMARY KEY, private_key BLOB NOT NULL, signed BLOB NOT NULL,
    made_ms INTEGER NOT NULL, published INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Attachments on their way up or down.
CREATE TABLE transfer (
    id INTEGER PRIMARY KEY,
    direction TEXT NOT NULL,            -- up, down
    purpose TEXT NOT NULL,              -- message, file, history, photo
    conversation INTEGER REFERENCES conversation ON DELETE CASCADE,
    message_id BLOB,
    path TEXT,
    inline BLOB,
    key BLOB NOT NULL,
    blob TEXT,
    stamp TEXT NOT NULL DEFAULT '',
    plain_size INTEGER NOT NULL,
    done_bytes INTEGER NOT NULL DEFAULT 0,
    content BLOB NOT NULL,
    state TEXT NOT NULL,                -- waiting, running, done, failed
    failure TEXT NOT NULL DEFAULT '',
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Pieces of history that another own device sends to this one.
CREATE TABLE history_part (
    part INTEGER PRIMARY KEY, total INTEGER NOT NULL, attachment BLOB NOT NULL, done INTEGER NOT NULL DEFAULT 0
) STRICT;
", "
-- Groups. What a conversation is called and how long its messages stay is its sealed state, of which
-- `details` is the signed document and the columns after it are copies.
ALTER TABLE conversation ADD COLUMN details BLOB;
ALTER TABLE conversation ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation ADD COLUMN timer_s INTEGER NOT NULL DEFAULT 0;
-- Version of the sealed state that this device has seen at the hub, and its author's clock.
ALTER TABLE conversation ADD COLUMN state_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN details_ms INTEGER NOT NULL DEFAULT 0;
-- Of a group's context, as of its epoch: permissions, and the public key of the invitation link.
ALTER TABLE conversation ADD COLUMN permissions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN link_key BLOB;
-- Seed of the invitation link by which the group is being joined.
ALTER TABLE conversation ADD COLUMN invitation BLOB;
-- The own account has said that it leaves.
ALTER TABLE conversation ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;
-- Somebody here may not have the key to the own profile: it goes before the next word.
ALTER TABLE conversation ADD COLUMN profile_due INTEGER NOT NULL DEFAULT 0;
-- Acts as an admin of the group; and from which entry on the account is in it, as far as is known.
ALTER TABLE member ADD COLUMN admin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE member ADD COLUMN since_seq INTEGER NOT NULL DEFAULT 0;
CREATE INDEX member_address ON member (address, conversation);

-- What a person wants of a conversation, until it is so or can not be.
CREATE TABLE wish (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    -- add, remove, admin, member, permissions, link, resign; name, description, timer, photo, link_seed
    kind TEXT NOT NULL,
    target TEXT NOT NULL, value BLOB NOT NULL,
    UNIQUE (conversation, kind, target)
) STRICT;

-- Entries that this device could not read, and the line that says so: they are asked for.
CREATE TABLE missing (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL,
    line BLOB NOT NULL,
    -- 0 nobody was asked, 1 the own devices, 2 whoever wrote them
    asked INTEGER NOT NULL DEFAULT 0, asked_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, from_seq)
) STRICT, WITHOUT ROWID;
", TALK, ARRIVAL, "
-- When a profile was read last.
ALTER TABLE contact ADD COLUMN profile_ms INTEGER NOT NULL DEFAULT 0;
", "
-- The introduction that a first line was: its seal was made under that id.
ALTER TABLE message ADD COLUMN introduction BLOB;
", "
-- What a line showed before a change of it that is on its way.
CREATE TABLE before_change (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    -- The change's own name, and the line's.
    message_id BLOB NOT NULL, target BLOB NOT NULL,
    shown BLOB NOT NULL,
    PRIMARY KEY (conversation, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX before_change_of ON before_change (conversation, target);
", "
-- Who might change a conversation's details when this device looked at them last, and may no longer.
CREATE TABLE former_editor (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    address TEXT NOT NULL,
    PRIMARY KEY (conversation, address)
) STRICT, WITHOUT ROWID;
", "
-- The epoch in which the details that this device knows became the hub's, until a later one was seen to have
-- them, too: the commit that ends it may have been made by one who did not know them.
ALTER TABLE conversation ADD COLUMN details_epoch INTEGER;
", "
-- How a person keeps a conversation, here or not here yet: places and kinds are the content schema's.
CREATE TABLE conversation_setting (
    place TEXT NOT NULL, kind INTEGER NOT NULL,
    value INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
    PRIMARY KEY (place, kind)
) STRICT, WITHOUT ROWID;
-- The message that what is begun to be written answers.
ALTER TABLE conversation ADD COLUMN draft_quote BLOB;
", "
-- The place in the log that a line had, where the log went back since: its seal is of that.
ALTER TABLE message ADD COLUMN sealed_seq INTEGER;
"];

/// Mentions, copies of files, who has read, disappearing messages, history that a member gave.
const TALK: &str = "
CREATE TABLE mention (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    message_id BLOB NOT NULL,
    -- In UTF-8 bytes of the text.
    start INTEGER NOT NULL, length INTEGER NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (conversation, message_id, start)
) STRICT, WITHOUT ROWID;
CREATE INDEX mention_of ON mention (conversation, address);
-- Those of an edit whose target has not arrived yet.
ALTER TABLE amendment ADD COLUMN mentions BLOB;

-- What is known of a blob's lease beyond when its message came.
CREATE TABLE lease (
    blob TEXT PRIMARY KEY, renewed_ms INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
-- The attachment that an upload is a copy of.
ALTER TABLE transfer ADD COLUMN copy_of BLOB;

-- From which entry on somebody is in a conversation; 0: from before this device was.
CREATE TABLE member_since (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    address TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (conversation, address)
) STRICT, WITHOUT ROWID;

-- When a line disappears, what it quotes, and which member gave it as history.
ALTER TABLE message ADD COLUMN expires_ms INTEGER;
ALTER TABLE message ADD COLUMN quoted BLOB;
ALTER TABLE message ADD COLUMN told_by TEXT;
-- Where the own mark is still to be put.
CREATE INDEX conversation_mark_due ON conversation (id)
    WHERE state = 'active' AND read_seq > 0 AND mark_epoch <> epoch;

-- What this device is to give to somebody who joined a group: pieces from before_seq, before_id on back.
CREATE TABLE owed_history (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    address TEXT NOT NULL, epoch INTEGER NOT NULL, joined_seq INTEGER NOT NULL,
    since_ms INTEGER NOT NULL, not_before_ms INTEGER NOT NULL,
    next INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
    before_seq INTEGER NOT NULL, before_id INTEGER NOT NULL DEFAULT 0,
    transfer INTEGER,
    UNIQUE (conversation, address)
) STRICT;
CREATE INDEX message_expiry ON message (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX message_quote ON message (conversation, quoted) WHERE quoted IS NOT NULL;
ALTER TABLE reaction ADD COLUMN expires_ms INTEGER;
ALTER TABLE amendment ADD COLUMN expires_ms INTEGER;
CREATE INDEX reaction_expiry ON reaction (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX amendment_expiry ON amendment (expires_ms) WHERE expires_ms IS NOT NULL;
-- Words that are taken out of the index are overwritten, too.
INSERT INTO message_search (message_search, rank) VALUES ('secure-delete', 1);
";

/// What came before ids were looked at on arrival, and stopped whoever read it.
const ARRIVAL: &str = "
DELETE FROM reaction WHERE length(target) <> 16;
DELETE FROM amendment WHERE length(target) <> 16;
UPDATE message SET message_id = randomblob(16), kind = 'unreadable', failure = 'malformed', text = '', content = x''
    WHERE length(message_id) <> 16;
";
