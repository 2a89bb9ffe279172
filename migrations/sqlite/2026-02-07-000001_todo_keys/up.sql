-- Todos are found by a number instead of by their ids. A table without row ids compares whole rows: to find one among long
-- descriptions, SQLite loaded several of them from their overflow pages, for each statement of a batch (measured: four fifths of
-- the time of a change of 2 MB).
-- The key keeps the rows of a user together, in the order of their numbers, as the ids did: searching or sorting a list of
-- 1,000 todos among a million reads a few dozen neighbouring pages instead of one page per row. `todo_key` is a function of
-- the program.
-- The folded texts are left out: a search folds as it reads, and a change of a long text writes half as many pages.
ALTER TABLE todos RENAME TO todos_before;
CREATE TABLE todos (
    key INTEGER NOT NULL PRIMARY KEY,
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
    -- The texts come last, so that long ones spill to overflow pages that the other columns don't need.
    -- Null for a tombstone whose texts were removed.
    title TEXT CHECK (length(title) BETWEEN 1 AND 500),
    description TEXT CHECK (length(description) <= 10000),
    -- A line for each key: the key, a tab, and the value or the version. Null if there is none.
    metadata TEXT CHECK (metadata <> ''),
    metadata_versions TEXT CHECK (metadata_versions <> ''),
    UNIQUE (user_id, id),
    CHECK (title IS NOT NULL OR deleted_at IS NOT NULL)
) STRICT;
INSERT INTO todos (key, user_id, id, number, completed_at, created_at, updated_at, deleted_at, version, title_version,
    description_version, completed_version, deleted_version, client_id, title, description,
    metadata, metadata_versions)
SELECT todo_key(user_id, number), user_id, id, number, completed_at, created_at, updated_at, deleted_at, version, title_version,
    description_version, completed_version, deleted_version, client_id, title, description,
    metadata, metadata_versions
FROM todos_before ORDER BY user_id, id;
DROP TABLE todos_before;

CREATE INDEX todos_live ON todos (user_id, created_at DESC, id) WHERE deleted_at IS NULL;
-- A number is unique across all users, so this index also finds a todo by user and number.
CREATE UNIQUE INDEX todos_number ON todos (number);
CREATE UNIQUE INDEX todos_changes ON todos (user_id, updated_at);
CREATE INDEX todos_tombstones ON todos (deleted_at) WHERE deleted_at IS NOT NULL;
-- For the check whether another user has a todo with an id.
CREATE INDEX todos_by_id ON todos (id) WHERE deleted_at IS NULL;
-- For the removal of the texts of tombstones.
CREATE INDEX todos_unshrunk ON todos (deleted_at)
    WHERE deleted_at IS NOT NULL AND coalesce(title, description, metadata, metadata_versions) IS NOT NULL;
