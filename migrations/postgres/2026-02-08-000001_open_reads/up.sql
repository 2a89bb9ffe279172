-- While reads are open, the planner drops the policies of reads from its plans: it inlines a bare call of `todo_reads_open`, a
-- constant. A plan is made anew when the function is replaced. The call in a subquery has a value that the planner does not
-- know. It keeps the plans of restricted reads as they were: without an index for the policy in place of one for the
-- statement's own condition.

alter policy reads on users using (
    todo_reads_open() or (select todo_reads_open()) or id = any ((select todo_admitted())::uuid[]) or email_key = (select todo_key())
);
alter policy reads on todos using (
    todo_reads_open() or (select todo_reads_open()) or user_id = any ((select todo_admitted())::uuid[])
);
alter policy reads on sessions using (
    todo_reads_open() or (select todo_reads_open()) or user_id = any ((select todo_admitted())::uuid[])
);
alter policy reads on refresh_tokens using (
    todo_reads_open() or (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or encode(token_hash, 'hex') = (select todo_key())
);
alter policy reads on external_identities using (
    todo_reads_open() or (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or provider || E'\n' || subject = (select todo_key())
);
alter policy reads on one_time_tokens using (
    todo_reads_open() or (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or encode(token_hash, 'hex') = (select todo_key())
);
alter policy reads on mail_outbox using (
    todo_reads_open() or (select todo_reads_open())
    or user_id = any ((select todo_admitted())::uuid[])
    or token_id::text = (select todo_key())
);
