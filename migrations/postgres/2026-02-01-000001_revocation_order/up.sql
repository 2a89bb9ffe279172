-- Revocations are kept as long as the access tokens that they end, and numbered in the order of commits.

-- When no access token of the session is accepted any longer. For tokens issued earlier that is not known: none lives
-- longer than 30 days.
alter table sessions add column access_until timestamptz;
update sessions set access_until = last_used_at + interval '30 days';
alter table sessions alter column access_until set not null;
-- When a refresh token of the session was last repeated after the grace period.
alter table sessions add column late_repeat_at timestamptz;

-- The number of the last revocation. Transactions raise it when they commit, one after the other, so a revocation that a
-- reader does not see yet gets a greater number than every one that it sees.
create table revocation_counter (
    singleton boolean primary key default true check (singleton),
    last bigint not null
);
insert into revocation_counter (last) select count(*) from revoked_tokens;

-- Null until the transaction commits.
alter table revoked_tokens add column ordinal bigint;
update revoked_tokens r set ordinal = n.ordinal
from (select id, row_number() over (order by id) as ordinal from revoked_tokens) n where r.id = n.id;
drop index revoked_tokens_by_time;
create unique index revoked_tokens_by_ordinal on revoked_tokens (ordinal);

-- The owner of the tables runs it, so the role that serves requests needs no right to the counter.
create function todo_number_revocation() returns trigger language plpgsql security definer as $$
declare
    number bigint;
begin
    update revocation_counter set last = last + 1 returning last into number;
    update revoked_tokens set ordinal = number where id = new.id;
    return null;
end $$;
do $$ begin
    execute format('alter function todo_number_revocation() set search_path = %I, pg_temp', current_schema());
end $$;
revoke execute on function todo_number_revocation() from public;
create constraint trigger number_revocation after insert on revoked_tokens
    deferrable initially deferred for each row execute function todo_number_revocation();

-- Used tokens are deleted before they expire.
create index one_time_tokens_used on one_time_tokens (used_at) where used_at is not null;
