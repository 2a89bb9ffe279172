DROP INDEX one_time_tokens_used;
ALTER TABLE revoked_tokens RENAME TO revoked_tokens_after;
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
SELECT id, jti, session_id, user_id, reason, revoked_at, expires_at FROM revoked_tokens_after;
DROP TABLE revoked_tokens_after;
CREATE INDEX revoked_tokens_by_time ON revoked_tokens (revoked_at);
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (expires_at);
CREATE INDEX revoked_tokens_of_user ON revoked_tokens (user_id);
ALTER TABLE sessions DROP COLUMN late_repeat_at;
ALTER TABLE sessions DROP COLUMN access_until;
