-- Whether reads are restricted is a property of the schema, and no longer of a session: a pooler shares sessions.
-- `todo-server migrate row-security all` replaces the function by one that returns false.
--
-- The function is stable, because PostgreSQL would keep the value of an immutable one in the plans of statements.
create or replace function todo_reads_open() returns boolean language sql stable parallel safe as
    $$ select true $$;
