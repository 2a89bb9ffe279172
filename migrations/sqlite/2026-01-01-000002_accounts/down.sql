DROP INDEX todos_by_id;
DROP INDEX users_disabled;
DROP INDEX todos_tombstones;
DROP INDEX refresh_tokens_by_end;
DROP INDEX sessions_by_end;

ALTER TABLE revoked_tokens RENAME TO revoked_tokens_after;
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
-- The earlier schema has no place for revocations of whole users.
INSERT INTO revoked_tokens (id, jti, session_id, user_id, reason, revoked_at, expires_at)
SELECT id, jti, session_id, user_id, reason, revoked_at, expires_at FROM revoked_tokens_after
WHERE (jti IS NULL) <> (session_id IS NULL);
DROP TABLE revoked_tokens_after;
CREATE INDEX revoked_tokens_by_time ON revoked_tokens (revoked_at);

DROP TABLE mail_outbox;
DROP TABLE one_time_tokens;
DROP TABLE external_identities;
