-- A mail that was given up is kept for a while, like one that was sent, and then deleted.
ALTER TABLE mail_outbox ADD COLUMN given_up_at INTEGER
    CHECK (given_up_at IS NULL OR (sent_at IS NULL AND next_attempt_at IS NULL));
-- For mails given up earlier, the time is not known.
UPDATE mail_outbox SET given_up_at = unixepoch() * 1000000 WHERE next_attempt_at IS NULL AND sent_at IS NULL;
CREATE INDEX mail_outbox_given_up ON mail_outbox (given_up_at) WHERE given_up_at IS NOT NULL;
