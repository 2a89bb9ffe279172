-- Identities, one-time tokens, the outbox, revocations of whole users, and the rights of background workers.

-- The identities of a user at OAuth providers and external issuers.
create table external_identities (
    provider text collate "C" not null check (provider <> '' and provider !~ '\n'),
    subject text collate "C" not null,
    user_id uuid not null references users on delete cascade,
    email text,
    -- The key that encrypts the provider's tokens.
    key_id text,
    access_token bytea,
    refresh_token bytea,
    created_at timestamptz not null,
    primary key (provider, subject),
    check (key_id is not null or num_nonnulls(access_token, refresh_token) = 0)
);
create index external_identities_of_user on external_identities (user_id, provider);

create table one_time_tokens (
    id uuid primary key,
    kind text not null,
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    -- Null until the user is known.
    user_id uuid references users on delete cascade,
    payload text not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index one_time_tokens_of_user on one_time_tokens (user_id, kind);
create index one_time_tokens_by_end on one_time_tokens (expires_at);

create table mail_outbox (
    id uuid primary key,
    -- Null if the recipient has no account yet.
    user_id uuid references users on delete cascade,
    "to" text not null,
    name text check (char_length(name) between 1 and 100),
    template text not null,
    -- The one-time token of the mail's link. No foreign key: the mail is kept longer.
    token_id uuid,
    attempts integer not null default 0 check (attempts >= 0),
    -- Null once the mail was sent or given up.
    next_attempt_at timestamptz,
    sent_at timestamptz,
    last_error text,
    check (sent_at is null or next_attempt_at is null)
);
create index mail_outbox_of_user on mail_outbox (user_id);
create index mail_outbox_of_token on mail_outbox (token_id);
create index mail_outbox_due on mail_outbox (next_attempt_at, id) where next_attempt_at is not null;
create index mail_outbox_sent on mail_outbox (sent_at) where sent_at is not null;

-- A row without a session and a token revokes the whole user.
alter table revoked_tokens drop constraint revoked_tokens_check;
alter table revoked_tokens add constraint revoked_tokens_check check (num_nonnulls(session_id, jti) <= 1);
create index revoked_tokens_of_user on revoked_tokens (user_id);
create index revoked_tokens_by_end on revoked_tokens (expires_at);

create index sessions_by_end on sessions (expires_at);
create index refresh_tokens_by_end on refresh_tokens (expires_at);
create index todos_by_id on todos (id) where deleted_at is null;
create index todos_tombstones on todos (deleted_at) where deleted_at is not null;
create index users_disabled on users (id) where not is_active;

-- The answers to two questions about all users are not secret. Functions of the tables' owner answer them, so no policy
-- has to expose the rows.

create function todo_is_anothers(user_id uuid, todo_id uuid) returns boolean
    language sql stable security definer as
    $$ select exists (select from todos t where t.id = $2 and t.user_id <> $1 and t.deleted_at is null) $$;

create function todo_disabled_users() returns setof uuid
    language sql stable security definer as
    $$ select u.id from users u where not u.is_active $$;

-- A fixed search_path: no temporary table can shadow the real ones.
do $$ begin
    execute format('alter function todo_is_anothers(uuid, uuid) set search_path = %I, pg_temp', current_schema());
    execute format('alter function todo_disabled_users() set search_path = %I, pg_temp', current_schema());
end $$;
revoke execute on function todo_is_anothers(uuid, uuid), todo_disabled_users() from public;

-- Background workers access rows of all users, whatever `todo.reads` is. Each of their transactions names its worker in
-- `todo.work`, and may access the tables and rows of that worker only:
--   outbox   reads and updates mails
--   sweep    reads, locks and deletes tokens, sessions, revocations and sent mails, updates nothing, and finds tombstones.
--            It deletes tombstones in transactions that name their users, like any other writer.
create function todo_work() returns text language sql stable parallel safe as
    $$ select coalesce(current_setting('todo.work', true), '') $$;

-- The key of an identity is its provider, a line break and its subject. No address or hash contains a line break.
alter table external_identities enable row level security;
create policy reads on external_identities for select using (
    (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or provider || E'\n' || subject = (select todo_key())
);
create policy inserts on external_identities for insert with check (user_id = any ((select todo_admitted())::uuid[]));
create policy updates on external_identities for update using ((user_id = any ((select todo_admitted())::uuid[])) is true);
create policy deletes on external_identities for delete using ((user_id = any ((select todo_admitted())::uuid[])) is true);

-- Whoever knows a token's secret may use it, and only then is it known whose it is. One of nobody's harms nobody.
alter table one_time_tokens enable row level security;
create policy reads on one_time_tokens for select using (
    (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or encode(token_hash, 'hex') = (select todo_key())
);
create policy inserts on one_time_tokens for insert with check (
    user_id is null or user_id = any ((select todo_admitted())::uuid[])
);
create policy updates on one_time_tokens for update using (
    (user_id = any ((select todo_admitted())::uuid[]) or encode(token_hash, 'hex') = (select todo_key())) is true
);
create policy deletes on one_time_tokens for delete using ((user_id = any ((select todo_admitted())::uuid[])) is true);
create policy sweep_deletes on one_time_tokens for delete using ((select todo_work()) = 'sweep');
create policy sweep_locks on one_time_tokens for update using ((select todo_work()) = 'sweep') with check (false);
create policy sweep_reads on one_time_tokens for select using ((select todo_work()) = 'sweep');

-- A mail becomes its receiver's when its token makes the account.
alter table mail_outbox enable row level security;
create policy reads on mail_outbox for select using (
    (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or token_id::text = (select todo_key())
);
create policy inserts on mail_outbox for insert with check (
    user_id is null or user_id = any ((select todo_admitted())::uuid[])
);
create policy updates on mail_outbox for update using (
    (user_id = any ((select todo_admitted())::uuid[]) or token_id::text = (select todo_key())) is true
);
create policy deletes on mail_outbox for delete using ((user_id = any ((select todo_admitted())::uuid[])) is true);
create policy work_reads on mail_outbox for select using ((select todo_work()) in ('outbox', 'sweep'));
create policy work_updates on mail_outbox for update using ((select todo_work()) = 'outbox');
create policy sweep_deletes on mail_outbox for delete using ((select todo_work()) = 'sweep' and sent_at is not null);
create policy sweep_locks on mail_outbox for update using ((select todo_work()) = 'sweep') with check (false);

create policy sweep_deletes on sessions for delete using ((select todo_work()) = 'sweep');
create policy sweep_locks on sessions for update using ((select todo_work()) = 'sweep') with check (false);
create policy sweep_reads on sessions for select using ((select todo_work()) = 'sweep');

create policy sweep_deletes on refresh_tokens for delete using ((select todo_work()) = 'sweep');
create policy sweep_locks on refresh_tokens for update using ((select todo_work()) = 'sweep') with check (false);
create policy sweep_reads on refresh_tokens for select using ((select todo_work()) = 'sweep');

create policy sweep_deletes on revoked_tokens for delete using ((select todo_work()) = 'sweep');
create policy sweep_locks on revoked_tokens for update using ((select todo_work()) = 'sweep') with check (false);

create policy sweep_reads on todos for select using ((select todo_work()) = 'sweep' and deleted_at is not null);
