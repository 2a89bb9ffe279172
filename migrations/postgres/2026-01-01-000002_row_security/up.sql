-- Row-level security, in addition to the WHERE clause of every statement. It restricts roles that neither own the tables
-- nor bypass row security.
--
-- A transaction may write rows of the users that it names in `todo.users`. A connection with `todo.reads = open` may read
-- all rows. Any other connection may read rows of the users in `todo.users`, and the one row with the key in `todo.key`:
-- an address, or the hash of a refresh token. A login or a refresh starts with such a key, before its user is known.
--
-- `revoked_tokens` contains only ids and times, and every instance reads all of it, so only its writes are restricted.

create function todo_admitted() returns uuid[] language sql stable parallel safe as
    $$ select nullif(current_setting('todo.users', true), '')::uuid[] $$;

create function todo_reads_open() returns boolean language sql stable parallel safe as
    $$ select coalesce(current_setting('todo.reads', true), '') = 'open' $$;

create function todo_key() returns text language sql stable parallel safe as
    $$ select nullif(current_setting('todo.key', true), '') $$;

-- The policies call each function in a subquery, so that it runs once per statement and not once per row. `is true` keeps
-- the planner from using an index for the policy in place of one for the statement's own condition.

alter table users enable row level security;
create policy reads on users for select using (
    (select todo_reads_open()) or id = any ((select todo_admitted())::uuid[]) or email_key = (select todo_key())
);
create policy inserts on users for insert with check (id = any ((select todo_admitted())::uuid[]));
create policy updates on users for update using ((id = any ((select todo_admitted())::uuid[])) is true);
create policy deletes on users for delete using ((id = any ((select todo_admitted())::uuid[])) is true);

alter table todos enable row level security;
create policy reads on todos for select using (
    (select todo_reads_open()) or user_id = any ((select todo_admitted())::uuid[])
);
create policy inserts on todos for insert with check (user_id = any ((select todo_admitted())::uuid[]));
create policy updates on todos for update using ((user_id = any ((select todo_admitted())::uuid[])) is true);
create policy deletes on todos for delete using ((user_id = any ((select todo_admitted())::uuid[])) is true);

alter table sessions enable row level security;
create policy reads on sessions for select using (
    (select todo_reads_open()) or user_id = any ((select todo_admitted())::uuid[])
);
create policy inserts on sessions for insert with check (user_id = any ((select todo_admitted())::uuid[]));
create policy updates on sessions for update using ((user_id = any ((select todo_admitted())::uuid[])) is true);
create policy deletes on sessions for delete using ((user_id = any ((select todo_admitted())::uuid[])) is true);

alter table refresh_tokens enable row level security;
create policy reads on refresh_tokens for select using (
    (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or encode(token_hash, 'hex') = (select todo_key())
);
create policy inserts on refresh_tokens for insert with check (user_id = any ((select todo_admitted())::uuid[]));
create policy updates on refresh_tokens for update using ((user_id = any ((select todo_admitted())::uuid[])) is true);
create policy deletes on refresh_tokens for delete using ((user_id = any ((select todo_admitted())::uuid[])) is true);

alter table revoked_tokens enable row level security;
create policy reads on revoked_tokens for select using (true);
create policy inserts on revoked_tokens for insert with check (user_id = any ((select todo_admitted())::uuid[]));
create policy updates on revoked_tokens for update using ((user_id = any ((select todo_admitted())::uuid[])) is true);
create policy deletes on revoked_tokens for delete using ((user_id = any ((select todo_admitted())::uuid[])) is true);
