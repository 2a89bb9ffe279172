-- Older versions do not know these mails.
DELETE FROM mail_outbox WHERE template IN ('provider_linked', 'provider_unlinked', 'account_deleted');
ALTER TABLE mail_outbox DROP COLUMN providers;
ALTER TABLE sessions DROP COLUMN trusted_from;
ALTER TABLE users DROP COLUMN email_changed_at;
ALTER TABLE users DROP COLUMN password_reset_at;
