drop table revoked_tokens;
drop table refresh_tokens;
drop table sessions;
drop table todos;
drop sequence todo_numbers;
drop table users;
drop table database_epoch;
