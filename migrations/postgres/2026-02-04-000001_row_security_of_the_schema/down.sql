create or replace function todo_reads_open() returns boolean language sql stable parallel safe as
    $$ select coalesce(current_setting('todo.reads', true), '') = 'open' $$;
