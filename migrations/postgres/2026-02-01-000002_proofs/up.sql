-- Logins with an identity, address or password that is too new do not prove whose the account is.

alter table users add column email_changed_at timestamptz, add column password_reset_at timestamptz;
-- From when on the login counts as a proof.
alter table sessions add column trusted_from timestamptz;
update sessions set trusted_from = created_at;
alter table sessions alter column trusted_from set not null;
-- The names of the providers that the mail mentions, one a line.
alter table mail_outbox add column providers text;
