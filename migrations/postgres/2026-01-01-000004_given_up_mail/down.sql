drop policy sweep_deletes on mail_outbox;
create policy sweep_deletes on mail_outbox for delete using ((select todo_work()) = 'sweep' and sent_at is not null);

drop index mail_outbox_given_up;
alter table mail_outbox drop constraint mail_outbox_check;
alter table mail_outbox add constraint mail_outbox_check check (sent_at is null or next_attempt_at is null);
alter table mail_outbox drop column given_up_at;
