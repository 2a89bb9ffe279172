-- The identities of users at OAuth providers and external issuers.
CREATE TABLE external_identities (
    provider TEXT NOT NULL CHECK (provider <> ''),
    subject TEXT NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email TEXT,
    -- The key that encrypts the provider's tokens.
    key_id TEXT,
    access_token BLOB,
    refresh_token BLOB,
    created_at INTEGER NOT NULL,
    -- The user comes first: a key that began with the provider would make a read of one user's identities scan all
    -- identities at the provider.
    PRIMARY KEY (user_id, provider, subject),
    UNIQUE (provider, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE one_time_tokens (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind TEXT NOT NULL,
    -- SHA-256 of the token.
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    -- Null until the user is known.
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
    payload TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX one_time_tokens_of_user ON one_time_tokens (user_id, kind);
CREATE INDEX one_time_tokens_by_end ON one_time_tokens (expires_at);

CREATE TABLE mail_outbox (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
    "to" TEXT NOT NULL,
    name TEXT,
    template TEXT NOT NULL,
    -- The one-time token of the mail's link. It may be deleted before the mail.
    token_id BLOB CHECK (length(token_id) = 16),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    -- Null once the mail was sent or given up.
    next_attempt_at INTEGER,
    sent_at INTEGER,
    last_error TEXT,
    CHECK (sent_at IS NULL OR next_attempt_at IS NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_outbox_due ON mail_outbox (next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX mail_outbox_sent ON mail_outbox (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX mail_outbox_of_user ON mail_outbox (user_id);
CREATE INDEX mail_outbox_of_token ON mail_outbox (token_id) WHERE token_id IS NOT NULL;

-- A row without a session and a token revokes the whole user.
ALTER TABLE revoked_tokens RENAME TO revoked_tokens_before;
CREATE TABLE revoked_tokens (
    id INTEGER NOT NULL PRIMARY KEY,
    jti BLOB CHECK (length(jti) = 16),
    session_id BLOB CHECK (length(session_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16),
    reason TEXT NOT NULL,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK (jti IS NULL OR session_id IS NULL)
) STRICT;
INSERT INTO revoked_tokens (id, jti, session_id, user_id, reason, revoked_at, expires_at)
SELECT id, jti, session_id, user_id, reason, revoked_at, expires_at FROM revoked_tokens_before;
DROP TABLE revoked_tokens_before;

CREATE INDEX revoked_tokens_by_time ON revoked_tokens (revoked_at);
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (expires_at);
CREATE INDEX revoked_tokens_of_user ON revoked_tokens (user_id);

-- For the deletion of expired rows.
CREATE INDEX sessions_by_end ON sessions (expires_at);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);
CREATE INDEX todos_tombstones ON todos (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE INDEX users_disabled ON users (id) WHERE NOT is_active;
-- For the check whether another user has a todo with an id.
CREATE INDEX todos_by_id ON todos (id) WHERE deleted_at IS NULL;
