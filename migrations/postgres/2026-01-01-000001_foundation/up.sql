-- Times are UTC with microseconds. The application validates texts; the checks here reject values that it can't
-- have written.

-- Identifies one history of the database. The cursors and versions that clients hold belong to it.
create table database_epoch (
    singleton boolean primary key default true check (singleton),
    epoch text not null check (epoch <> '')
);
insert into database_epoch (epoch) values (gen_random_uuid()::text);

create table users (
    id uuid primary key,
    email text,
    -- The normalized address, which is unique.
    email_key text collate "C" constraint users_email_key_unique unique,
    password_hash text,
    display_name text check (char_length(display_name) between 1 and 100),
    email_verified boolean not null,
    is_active boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    last_login_at timestamptz,
    -- The user's last stamp. Every writer of todos locks this row first.
    sync_clock timestamptz not null,
    -- The newest stamp of the user's deleted tombstones.
    sync_horizon timestamptz not null,
    -- The number of the user's todos that are not tombstones.
    live_todos integer not null check (live_todos >= 0),
    check ((email is null) = (email_key is null))
);

-- Numbers are never reused. A failed transaction leaves a gap.
create sequence todo_numbers as bigint;

create table todos (
    user_id uuid not null references users on delete cascade,
    id uuid not null,
    number bigint not null check (number > 0),
    title text not null check (char_length(title) between 1 and 500),
    -- Folded texts serve search and sorting. They compare byte by byte, so every database sorts alike.
    title_folded text collate "C" not null,
    description text check (char_length(description) <= 10000),
    description_folded text collate "C",
    completed boolean not null generated always as (completed_at is not null) stored,
    completed_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    client_id text check (char_length(client_id) between 1 and 100),
    version bigint not null check (version >= 1),
    title_version bigint not null check (title_version between 1 and version),
    description_version bigint not null check (description_version between 1 and version),
    completed_version bigint not null check (completed_version between 1 and version),
    deleted_version bigint not null check (deleted_version between 1 and version),
    primary key (user_id, id),
    check ((description is null) = (description_folded is null)),
    constraint todos_number_unique unique (user_id, number),
    -- Keeps stamps unique, and is the index for reading the changes after a stamp.
    constraint todos_stamp_unique unique (user_id, updated_at)
);
create index todos_live on todos (user_id, created_at desc, id) where deleted_at is null;

create table sessions (
    id uuid primary key,
    user_id uuid not null references users on delete cascade,
    client_id text check (char_length(client_id) between 1 and 100),
    user_agent text check (char_length(user_agent) <= 400),
    ip text check (char_length(ip) <= 45),
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoke_reason text,
    check ((revoked_at is null) = (revoke_reason is null))
);
create index sessions_of_user on sessions (user_id, created_at);

create table refresh_tokens (
    id uuid primary key,
    session_id uuid not null references sessions on delete cascade,
    user_id uuid not null references users on delete cascade,
    generation bigint not null check (generation between 0 and 4294967295),
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    replaced_at timestamptz,
    replaced_by uuid,
    check ((replaced_at is null) = (replaced_by is null))
);
create index refresh_tokens_of_session on refresh_tokens (session_id);
create index refresh_tokens_of_user on refresh_tokens (user_id);

-- No foreign key to users: a revocation must outlive its account.
create table revoked_tokens (
    id bigint generated always as identity primary key,
    session_id uuid unique,
    jti uuid unique,
    user_id uuid not null,
    reason text not null,
    revoked_at timestamptz not null,
    expires_at timestamptz not null,
    check (num_nonnulls(session_id, jti) = 1)
);
create index revoked_tokens_by_time on revoked_tokens (revoked_at);
