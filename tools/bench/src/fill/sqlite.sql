-- 1,000 users with 1,000 todos each. See dataset.rs for the ids.
PRAGMA synchronous = OFF;
BEGIN;
INSERT INTO users (id, email, email_key, display_name, email_verified, is_active, created_at, updated_at,
       sync_clock, sync_horizon, live_todos)
WITH RECURSIVE n(u) AS (SELECT 0 UNION ALL SELECT u + 1 FROM n WHERE u < 999)
SELECT unhex(printf('%012x70008000%012x', 1767225600000, ((u + 1) * 2654435761) & 281474976710655)),
       'user' || u || '@example.com', 'user' || u || '@example.com', 'User ' || u, 1, 1,
       1767225600000000, 1767225600000000, 1767226599000000, 0, 1000
  FROM n;

INSERT INTO todos (key, user_id, id, number, title, description, completed_at, created_at,
       updated_at, client_id, version, title_version, description_version, completed_version, deleted_version)
WITH RECURSIVE
    us(u) AS (SELECT 0 UNION ALL SELECT u + 1 FROM us WHERE u < 999),
    ts(t) AS (SELECT 0 UNION ALL SELECT t + 1 FROM ts WHERE t < 999),
    n AS MATERIALIZED (
        SELECT t, u, 'Errand ' || t || ': milk and bread on the way home' AS title,
               iif(t % 2 = 0, 'The one in the blue carton, and rye from the bakery at the corner', NULL) AS description,
               1767225600000000 + t * 1000000 AS stamp
          FROM us CROSS JOIN ts)
SELECT ((((u + 1) * 2654435761) & 16777215) << 39) + t * 1000 + u + 1,
       unhex(printf('%012x70008000%012x', 1767225600000, ((u + 1) * 2654435761) & 281474976710655)),
       unhex(printf('%012x70008000%012x', 1767225600000 + t * 1000, ((u * 1000 + t + 1) * 2654435761) & 281474976710655)),
       t * 1000 + u + 1, title, description,
       iif(t % 3 = 0, stamp, NULL), stamp, stamp, 'phone', 1, 1, 1, 1, 1
  FROM n;

UPDATE users SET stored_bytes = t.bytes
  FROM (SELECT user_id, sum(octet_length(title) + coalesce(octet_length(description), 0)) AS bytes FROM todos GROUP BY user_id) AS t
 WHERE users.id = t.user_id;

UPDATE todo_numbers SET next = 1000001;
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);
