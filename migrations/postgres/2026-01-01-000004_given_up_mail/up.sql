-- A mail that was given up is kept for a while, like one that was sent, and then deleted.

alter table mail_outbox add column given_up_at timestamptz;
-- For mails given up earlier, the time is not known.
update mail_outbox set given_up_at = now() where next_attempt_at is null and sent_at is null;
alter table mail_outbox drop constraint mail_outbox_check;
-- A mail is either due, sent or given up.
alter table mail_outbox add constraint mail_outbox_check check (num_nonnulls(next_attempt_at, sent_at, given_up_at) = 1);
create index mail_outbox_given_up on mail_outbox (given_up_at) where given_up_at is not null;

drop policy sweep_deletes on mail_outbox;
create policy sweep_deletes on mail_outbox for delete using ((select todo_work()) = 'sweep' and next_attempt_at is null);
