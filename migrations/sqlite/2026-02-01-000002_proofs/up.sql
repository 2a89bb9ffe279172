-- Logins with an identity, address or password that is too new do not prove whose the account is.

ALTER TABLE users ADD COLUMN email_changed_at INTEGER;
ALTER TABLE users ADD COLUMN password_reset_at INTEGER;
-- From when on the login counts as a proof.
ALTER TABLE sessions ADD COLUMN trusted_from INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET trusted_from = created_at;
-- The names of the providers that the mail mentions, one a line.
ALTER TABLE mail_outbox ADD COLUMN providers TEXT;
