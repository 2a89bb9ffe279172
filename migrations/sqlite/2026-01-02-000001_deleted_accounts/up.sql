-- The deletion of an account marks the user and deletes everything but the todos, which housekeeping deletes in steps.
-- A marked user does not exist for any other statement.
ALTER TABLE users ADD COLUMN deleted_at INTEGER;
CREATE INDEX users_deleted ON users (deleted_at) WHERE deleted_at IS NOT NULL;
