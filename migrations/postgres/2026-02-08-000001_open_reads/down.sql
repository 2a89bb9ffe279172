-- As they were created.

alter policy reads on users using (
    (select todo_reads_open()) or id = any ((select todo_admitted())::uuid[]) or email_key = (select todo_key())
);
alter policy reads on todos using (
    (select todo_reads_open()) or user_id = any ((select todo_admitted())::uuid[])
);
alter policy reads on sessions using (
    (select todo_reads_open()) or user_id = any ((select todo_admitted())::uuid[])
);
alter policy reads on refresh_tokens using (
    (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or encode(token_hash, 'hex') = (select todo_key())
);
alter policy reads on external_identities using (
    (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or provider || E'\n' || subject = (select todo_key())
);
alter policy reads on one_time_tokens using (
    (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or encode(token_hash, 'hex') = (select todo_key())
);
alter policy reads on mail_outbox using (
    (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or token_id::text = (select todo_key())
);
