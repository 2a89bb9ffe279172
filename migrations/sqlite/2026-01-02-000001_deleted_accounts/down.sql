-- The version before can't finish a deletion in steps.
DELETE FROM users WHERE deleted_at IS NOT NULL;
DROP INDEX users_deleted;
ALTER TABLE users DROP COLUMN deleted_at;
