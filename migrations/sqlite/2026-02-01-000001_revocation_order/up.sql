-- Revocations are kept as long as the access tokens that they end, and numbered in the order of commits.

-- When no access token of the session is accepted any longer. For tokens issued earlier that is not known: none lives
-- longer than 30 days.
ALTER TABLE sessions ADD COLUMN access_until INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET access_until = last_used_at + 30 * 86400000000;
-- When a refresh token of the session was last repeated after the grace period.
ALTER TABLE sessions ADD COLUMN late_repeat_at INTEGER;

-- AUTOINCREMENT: an id is never reused, so the ids follow the order of commits.
ALTER TABLE revoked_tokens RENAME TO revoked_tokens_before;
CREATE TABLE revoked_tokens (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
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
CREATE INDEX revoked_tokens_by_end ON revoked_tokens (expires_at);
CREATE INDEX revoked_tokens_of_user ON revoked_tokens (user_id);

-- Used tokens are deleted before they expire.
CREATE INDEX one_time_tokens_used ON one_time_tokens (used_at) WHERE used_at IS NOT NULL;
