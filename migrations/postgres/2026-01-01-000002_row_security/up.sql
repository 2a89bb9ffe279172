-- The second fence around each user's rows; the first is the WHERE of every statement. It binds roles that neither own
-- the tables nor bypass row security.
--
-- A write is admitted on rows of the users that the transaction names in `todo.users`. A read is admitted on everything where
-- the connection says `todo.reads = open`; else on rows of those users too, and on the one row looked for by a key that
-- only its owner knows or types (`todo.key`: an address, or the hash of a refresh token), as a login or a refresh has
-- to find out first who it is about.
--
-- `revoked_tokens` holds ids and times alone, and every instance reads it whole; only its writes are fenced.

create function todo_admitted() returns uuid[] language sql stable parallel safe as
    $$ select nullif(current_setting('todo.users', true), '')::uuid[] $$;

create function todo_reads_open() returns boolean language sql stable parallel safe as
    $$ select coalesce(current_setting('todo.reads', true), '') = 'open' $$;

create function todo_key() returns text language sql stable parallel safe as
    $$ select nullif(current_setting('todo.key', true), '') $$;

-- In the policies each function stands in a subquery, so that it is called once per statement and not once per row; `is true`
-- keeps the planner from looking rows up by the policy where the statement's own condition finds them.

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
