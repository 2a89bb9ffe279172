-- Times are microseconds since 1970-01-01 UTC. Ids are the 16 bytes of a UUID.

-- Identifies one history of the database. One row.
CREATE TABLE database_epoch (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL CHECK (epoch <> '')
) STRICT;

-- A random UUID (version 4).
INSERT INTO database_epoch (id, epoch)
SELECT 1, substr(r, 1, 8) || '-' || substr(r, 9, 4) || '-4' || substr(r, 13, 3) || '-a' || substr(r, 16, 3) || '-' || substr(r, 19, 12)
FROM (SELECT lower(hex(randomblob(16))) AS r);

-- The number of the next todo. One row.
CREATE TABLE todo_numbers (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    next INTEGER NOT NULL CHECK (next >= 1)
) STRICT;

INSERT INTO todo_numbers (id, next) VALUES (1, 1);

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email TEXT,
    -- The normalized address, which is unique.
    email_key TEXT UNIQUE,
    password_hash TEXT,
    display_name TEXT CHECK (length(display_name) BETWEEN 1 AND 100),
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_login_at INTEGER,
    sync_clock INTEGER NOT NULL,
    sync_horizon INTEGER NOT NULL,
    -- The number of the user's todos that are not tombstones. Every commit updates it.
    live_todos INTEGER NOT NULL CHECK (live_todos >= 0),
    CHECK ((email IS NULL) = (email_key IS NULL))
) STRICT, WITHOUT ROWID;

-- WITHOUT ROWID keeps one user's rows together: searching or sorting a list of 1,000 todos among a million reads a few
-- dozen neighbouring pages instead of one page per row (measured: 4 times as fast, other reads equal).
-- The texts come last, so that long ones spill to overflow pages that the other columns don't need.
CREATE TABLE todos (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    id BLOB NOT NULL CHECK (length(id) = 16),
    number INTEGER NOT NULL CHECK (number >= 1),
    completed INTEGER NOT NULL GENERATED ALWAYS AS (completed_at IS NOT NULL) VIRTUAL,
    completed_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    version INTEGER NOT NULL CHECK (version >= 1),
    title_version INTEGER NOT NULL CHECK (title_version BETWEEN 1 AND version),
    description_version INTEGER NOT NULL CHECK (description_version BETWEEN 1 AND version),
    completed_version INTEGER NOT NULL CHECK (completed_version BETWEEN 1 AND version),
    deleted_version INTEGER NOT NULL CHECK (deleted_version BETWEEN 1 AND version),
    client_id TEXT CHECK (length(client_id) BETWEEN 1 AND 100),
    title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 500),
    -- The folded texts, for search and sorting.
    title_folded TEXT NOT NULL,
    description TEXT CHECK (length(description) <= 10000),
    description_folded TEXT,
    PRIMARY KEY (user_id, id),
    CHECK ((description IS NULL) = (description_folded IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX todos_live ON todos (user_id, created_at DESC, id) WHERE deleted_at IS NULL;
-- A number is unique across all users, so this index also finds a todo by user and number.
CREATE UNIQUE INDEX todos_number ON todos (number);
CREATE UNIQUE INDEX todos_changes ON todos (user_id, updated_at);

CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT CHECK (length(client_id) BETWEEN 1 AND 100),
    user_agent TEXT,
    ip TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoke_reason TEXT,
    CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id, created_at);

CREATE TABLE refresh_tokens (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    session_id BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the token.
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    -- The position in the session's chain of tokens. The first is 0.
    generation INTEGER NOT NULL CHECK (generation >= 0),
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    replaced_at INTEGER,
    replaced_by BLOB CHECK (length(replaced_by) = 16),
    UNIQUE (session_id, generation),
    CHECK ((replaced_at IS NULL) = (replaced_by IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_of_user ON refresh_tokens (user_id);

-- No foreign keys: a revocation must outlive its account.
CREATE TABLE revoked_tokens (
    id INTEGER NOT NULL PRIMARY KEY,
    jti BLOB CHECK (length(jti) = 16),
    session_id BLOB CHECK (length(session_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16),
    reason TEXT NOT NULL,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK ((jti IS NULL) <> (session_id IS NULL))
) STRICT;

CREATE INDEX revoked_tokens_by_time ON revoked_tokens (revoked_at);
