-- 1,000 users with 1,000 todos each, made side by side as time passes. See dataset.rs for the ids.
insert into users (id, email, email_key, display_name, email_verified, is_active, created_at, updated_at,
       sync_clock, sync_horizon, live_todos)
select (lpad(to_hex(1767225600000), 12, '0') || '70008000'
            || lpad(to_hex(((u + 1) * 2654435761) & 281474976710655), 12, '0'))::uuid,
       'user' || u || '@example.com', 'user' || u || '@example.com', 'User ' || u, true, true,
       '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-01T00:16:39Z', 'epoch', 1000
  from generate_series(0::bigint, 999) u;

insert into todos (user_id, id, number, title, title_folded, description, description_folded, completed_at, created_at,
       updated_at, client_id, version, title_version, description_version, completed_version, deleted_version)
select n.user_id, n.id, n.number, n.title, lower(n.title), n.description, lower(n.description),
       case when n.t % 3 = 0 then n.stamp end, n.stamp, n.stamp, 'phone', 1, 1, 1, 1, 1
  from (select (lpad(to_hex(1767225600000), 12, '0') || '70008000'
                   || lpad(to_hex(((u + 1) * 2654435761) & 281474976710655), 12, '0'))::uuid as user_id,
               (lpad(to_hex(1767225600000 + t * 1000), 12, '0') || '70008000'
                   || lpad(to_hex(((u * 1000 + t + 1) * 2654435761) & 281474976710655), 12, '0'))::uuid as id,
               t * 1000 + u + 1 as number, t, u,
               'Errand ' || t || ': milk and bread on the way home' as title,
               case when t % 2 = 0 then 'The one in the blue carton, and rye from the bakery at the corner' end
                   as description,
               '2026-01-01T00:00:00Z'::timestamptz + t * interval '1 s' as stamp
          from generate_series(0::bigint, 999) t, generate_series(0::bigint, 999) u) n
 order by n.t, n.u;

select setval('todo_numbers', 1000000);

update users u set stored_bytes = t.bytes
  from (select user_id, sum(octet_length(title) + coalesce(octet_length(description), 0)) as bytes from todos group by user_id) t
 where u.id = t.user_id;
