-- The sessions that have not ended, without a walk over those that have.
CREATE INDEX sessions_open ON sessions (user_id, created_at) WHERE revoked_at IS NULL;
