-- The deletion of an account marks the user and deletes everything but the todos, which housekeeping deletes in steps.
-- A marked user does not exist for any other statement.
alter table users add column deleted_at timestamptz;
create index users_deleted on users (deleted_at) where deleted_at is not null;

create policy sweep_reads on users for select using ((select todo_work()) = 'sweep' and deleted_at is not null);

create or replace function todo_is_anothers(user_id uuid, todo_id uuid) returns boolean
    language sql stable security definer as
    $$ select exists (
        select from todos t join users u on u.id = t.user_id
        where t.id = $2 and t.user_id <> $1 and t.deleted_at is null and u.deleted_at is null
    ) $$;
do $$ begin
    execute format('alter function todo_is_anothers(uuid, uuid) set search_path = %I, pg_temp', current_schema());
end $$;
