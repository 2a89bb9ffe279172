-- During a rolling upgrade, an instance that knows no sort keys of titles inserts todos without one, and leaves the key of
-- a title that it changes. The trigger turns such a key into null; a list that is sorted by title computes the keys that are
-- missing.
create function todo_forget_title_key() returns trigger language plpgsql as $$
begin
    new.title_key := null;
    return new;
end $$;
-- Almost no change of a title leaves the key, and then the function is not called.
create trigger forget_title_key before update of title on todos for each row
    when (new.title is distinct from old.title and new.title_key is not distinct from old.title_key)
    execute function todo_forget_title_key();

create index todos_without_title_key on todos (user_id, number) where title_key is null and title is not null;
