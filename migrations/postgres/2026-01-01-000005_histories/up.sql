-- The list of epochs, metadata of todos, tombstones without texts, and totals of each user.

-- The histories of this database. The one with the greatest ordinal is current. The cursors and versions that clients hold
-- belong to one of them.
create table epochs (
    ordinal bigint primary key check (ordinal >= 1),
    -- The part of the name that the command `new-epoch` replaces.
    stored text not null check (stored <> ''),
    -- The cluster and its WAL timeline. Null unless a server with `DATABASE_EPOCH=timeline` began the epoch.
    timeline text check (timeline <> ''),
    epoch text not null unique generated always as (stored || coalesce('-' || timeline, '')) stored,
    begun_at timestamptz not null
);
insert into epochs (ordinal, stored, begun_at) select 1, epoch, now() from database_epoch;
drop table database_epoch;

-- The cluster and its WAL timeline, which changes when a standby is promoted.
create function todo_timeline() returns text language sql volatile as
    $$ select s.system_identifier || '-' || left(pg_walfile_name(pg_current_wal_lsn()), 8) from pg_control_system() s $$;

-- Begins the epoch of the present timeline, unless it is the current one. A function of the table's owner does this, so
-- that a server's role can begin no other epoch. If the database was on the timeline before, the name of that epoch is
-- taken, and the new one gets a name of its own.
create function todo_begin_timeline() returns void language sql volatile security definer as $$
    insert into epochs (ordinal, stored, timeline, begun_at)
    select e.ordinal + 1,
           case when exists (select from epochs b where b.stored = e.stored and b.timeline = t.present)
                then gen_random_uuid()::text else e.stored end,
           t.present,
           now()
      from epochs e, todo_timeline() as t(present)
     where e.ordinal = (select max(m.ordinal) from epochs m) and e.timeline is distinct from t.present
    -- Another instance may have begun it meanwhile.
    on conflict do nothing
$$;
-- A fixed search_path: no temporary table can shadow the real one.
do $$ begin
    execute format('alter function todo_begin_timeline() set search_path = %I, pg_temp', current_schema());
end $$;
revoke execute on function todo_begin_timeline() from public;

-- Every commit of the user's todos updates these columns.
alter table users
    -- The sum of the hashes of the live todos, modulo 2^64, as a signed number. The program computes it for existing users
    -- after this script.
    add column digest bigint not null default 0,
    -- The number of bytes in titles, descriptions, metadata and their versions, those of tombstones included.
    add column stored_bytes bigint not null default 0 check (stored_bytes >= 0),
    add column tombstones integer not null default 0 check (tombstones >= 0),
    -- The epoch of the user's last commit: its ordinal in `epochs`, and the number of epochs that began for this user alone.
    add column epoch_ordinal bigint not null default 1 check (epoch_ordinal >= 1),
    add column epoch_counter bigint not null default 0 check (epoch_counter between 0 and 4294967295),
    -- The stamps at which the user's histories part. Null if there is none.
    add column partings text check (partings <> '');
update users u
   set stored_bytes = t.bytes, tombstones = t.tombstones
  from (select user_id,
               sum(octet_length(title) + coalesce(octet_length(description), 0)) as bytes,
               count(*) filter (where deleted_at is not null) as tombstones
          from todos group by user_id) t
 where u.id = t.user_id;

alter table todos
    -- Null for a tombstone whose texts were removed.
    alter column title drop not null,
    alter column title_folded drop not null,
    -- A line for each key: the key, a tab, and the value or the version. Null if there is none.
    add column metadata text check (metadata <> ''),
    add column metadata_versions text check (metadata_versions <> ''),
    add constraint todos_texts_check check (
        (title is null) = (title_folded is null)
        and (title is not null or deleted_at is not null)
    );
-- For the removal of the texts of tombstones.
create index todos_unshrunk on todos (deleted_at)
    where deleted_at is not null and coalesce(title, description, metadata, metadata_versions) is not null;
