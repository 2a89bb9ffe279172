drop trigger forget_title_key on todos;

create or replace function todo_forget_title_key() returns trigger language plpgsql as $$
begin
    new.title_key := null;
    return new;
end $$;
create trigger forget_title_key before update of title on todos for each row
    when (new.title is distinct from old.title and new.title_key is not distinct from old.title_key)
    execute function todo_forget_title_key();
