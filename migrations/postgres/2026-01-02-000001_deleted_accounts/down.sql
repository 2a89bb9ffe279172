create or replace function todo_is_anothers(user_id uuid, todo_id uuid) returns boolean
    language sql stable security definer as
    $$ select exists (select from todos t where t.id = $2 and t.user_id <> $1 and t.deleted_at is null) $$;
do $$ begin
    execute format('alter function todo_is_anothers(uuid, uuid) set search_path = %I, pg_temp', current_schema());
end $$;

drop policy sweep_reads on users;
-- The version before can't finish a deletion in steps.
delete from users where deleted_at is not null;
drop index users_deleted;
alter table users drop column deleted_at;
