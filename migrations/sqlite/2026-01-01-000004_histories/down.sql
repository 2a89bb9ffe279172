-- The earlier schema has no place for: metadata; tombstones without texts, which are deleted as the removal of old tombstones
-- deletes them; all epochs but the current one; and totals and digests of users. Devices read everything again if their
-- cursor is of another epoch, of an epoch of their user alone, or older than a deleted tombstone.

UPDATE users
SET sync_horizon = max(sync_horizon, t.newest)
FROM (SELECT user_id, max(updated_at) AS newest FROM todos WHERE title IS NULL GROUP BY user_id) AS t
WHERE users.id = t.user_id;
DELETE FROM todos WHERE title IS NULL;

ALTER TABLE todos RENAME TO todos_after;
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
INSERT INTO todos (user_id, id, number, completed_at, created_at, updated_at, deleted_at, version, title_version,
    description_version, completed_version, deleted_version, client_id, title, title_folded, description, description_folded)
SELECT user_id, id, number, completed_at, created_at, updated_at, deleted_at, version, title_version,
    description_version, completed_version, deleted_version, client_id, title, title_folded, description, description_folded
FROM todos_after ORDER BY user_id, id;
DROP TABLE todos_after;
CREATE INDEX todos_live ON todos (user_id, created_at DESC, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX todos_number ON todos (number);
CREATE UNIQUE INDEX todos_changes ON todos (user_id, updated_at);
CREATE INDEX todos_tombstones ON todos (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX todos_by_id ON todos (id) WHERE deleted_at IS NULL;

ALTER TABLE users DROP COLUMN digest;
ALTER TABLE users DROP COLUMN stored_bytes;
ALTER TABLE users DROP COLUMN tombstones;
ALTER TABLE users DROP COLUMN epoch_ordinal;
ALTER TABLE users DROP COLUMN epoch_counter;
ALTER TABLE users DROP COLUMN partings;

CREATE TABLE database_epoch (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL CHECK (epoch <> '')
) STRICT;
INSERT INTO database_epoch (id, epoch) SELECT 1, epoch FROM epochs ORDER BY ordinal DESC LIMIT 1;
DROP TABLE epochs;
