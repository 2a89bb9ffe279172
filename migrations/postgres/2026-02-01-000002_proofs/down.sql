-- Older versions do not know these mails.
delete from mail_outbox where template in ('provider_linked', 'provider_unlinked', 'account_deleted');
alter table mail_outbox drop column providers;
alter table sessions drop column trusted_from;
alter table users drop column email_changed_at, drop column password_reset_at;
