drop index one_time_tokens_used;
drop trigger number_revocation on revoked_tokens;
drop function todo_number_revocation();
drop index revoked_tokens_by_ordinal;
alter table revoked_tokens drop column ordinal;
create index revoked_tokens_by_time on revoked_tokens (revoked_at);
drop table revocation_counter;
alter table sessions drop column late_repeat_at;
alter table sessions drop column access_until;
