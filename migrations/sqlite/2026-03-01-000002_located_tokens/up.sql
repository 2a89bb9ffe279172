-- Whether the token names its session and generation. The reuse of such a token is found without its row, so a replaced one
-- goes soon. Tokens of earlier versions don't.
ALTER TABLE refresh_tokens ADD COLUMN located INTEGER NOT NULL DEFAULT 0 CHECK (located IN (0, 1));
