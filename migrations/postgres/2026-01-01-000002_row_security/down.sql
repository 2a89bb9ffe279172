alter table revoked_tokens disable row level security;
drop policy reads on revoked_tokens;
drop policy inserts on revoked_tokens;
drop policy updates on revoked_tokens;
drop policy deletes on revoked_tokens;

alter table refresh_tokens disable row level security;
drop policy reads on refresh_tokens;
drop policy inserts on refresh_tokens;
drop policy updates on refresh_tokens;
drop policy deletes on refresh_tokens;

alter table sessions disable row level security;
drop policy reads on sessions;
drop policy inserts on sessions;
drop policy updates on sessions;
drop policy deletes on sessions;

alter table todos disable row level security;
drop policy reads on todos;
drop policy inserts on todos;
drop policy updates on todos;
drop policy deletes on todos;

alter table users disable row level security;
drop policy reads on users;
drop policy inserts on users;
drop policy updates on users;
drop policy deletes on users;

drop function todo_key();
drop function todo_reads_open();
drop function todo_admitted();
