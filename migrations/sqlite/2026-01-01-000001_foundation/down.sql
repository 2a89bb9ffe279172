DROP TABLE revoked_tokens;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE todos;
DROP TABLE users;
DROP TABLE todo_numbers;
DROP TABLE database_epoch;
