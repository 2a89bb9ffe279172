-- A trigger before an update makes PostgreSQL lock each row that any instance updates, with a record in the WAL, whether or not the
-- trigger has anything to do. One after the update costs next to nothing.
drop trigger forget_title_key on todos;

create or replace function todo_forget_title_key() returns trigger language plpgsql as $$
begin
    update todos set title_key = null where user_id = new.user_id and id = new.id;
    return null;
end $$;
create trigger forget_title_key after update of title on todos for each row
    when (new.title is distinct from old.title
          and new.title_key is not null and new.title_key is not distinct from old.title_key)
    execute function todo_forget_title_key();
