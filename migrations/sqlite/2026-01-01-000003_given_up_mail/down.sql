DROP INDEX mail_outbox_given_up;
ALTER TABLE mail_outbox DROP COLUMN given_up_at;
