-- Whether the token names its session and generation. The reuse of such a token is found without its row, so a replaced one
-- goes soon. Tokens of earlier versions don't, nor those that an instance of an earlier version inserts meanwhile.
alter table refresh_tokens add column located boolean not null default false;
