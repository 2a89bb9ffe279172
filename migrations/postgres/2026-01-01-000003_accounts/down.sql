drop policy sweep_reads on todos;

drop policy sweep_deletes on revoked_tokens;
drop policy sweep_locks on revoked_tokens;

drop policy sweep_deletes on refresh_tokens;
drop policy sweep_locks on refresh_tokens;
drop policy sweep_reads on refresh_tokens;

drop policy sweep_deletes on sessions;
drop policy sweep_locks on sessions;
drop policy sweep_reads on sessions;

drop table mail_outbox;
drop table one_time_tokens;
drop table external_identities;

drop function todo_work();
drop function todo_disabled_users();
drop function todo_is_anothers(uuid, uuid);

drop index users_disabled;
drop index todos_tombstones;
drop index todos_by_id;
drop index refresh_tokens_by_end;
drop index sessions_by_end;

drop index revoked_tokens_by_end;
drop index revoked_tokens_of_user;
-- The earlier schema has no place for revocations of whole users.
delete from revoked_tokens where session_id is null and jti is null;
alter table revoked_tokens drop constraint revoked_tokens_check;
alter table revoked_tokens add constraint revoked_tokens_check check (num_nonnulls(session_id, jti) = 1);
