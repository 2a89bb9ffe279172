-- `folded` is a function of the program.
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
    -- Null for a tombstone whose texts were removed.
    title TEXT CHECK (length(title) BETWEEN 1 AND 500),
    -- The folded texts, for search and sorting.
    title_folded TEXT,
    description TEXT CHECK (length(description) <= 10000),
    description_folded TEXT,
    -- A line for each key: the key, a tab, and the value or the version. Null if there is none.
    metadata TEXT CHECK (metadata <> ''),
    metadata_versions TEXT CHECK (metadata_versions <> ''),
    PRIMARY KEY (user_id, id),
    CHECK ((description IS NULL) = (description_folded IS NULL)),
    CHECK ((title IS NULL) = (title_folded IS NULL)),
    CHECK (title IS NOT NULL OR deleted_at IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO todos (user_id, id, number, completed_at, created_at, updated_at, deleted_at, version, title_version,
    description_version, completed_version, deleted_version, client_id, title, title_folded, description, description_folded,
    metadata, metadata_versions)
SELECT user_id, id, number, completed_at, created_at, updated_at, deleted_at, version, title_version,
    description_version, completed_version, deleted_version, client_id, title, folded(title), description, folded(description),
    metadata, metadata_versions
FROM todos_after ORDER BY user_id, id;
DROP TABLE todos_after;

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
