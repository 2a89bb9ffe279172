-- The sessions that have not ended, without a walk over those that have.
create index sessions_open on sessions (user_id, created_at) where revoked_at is null;
