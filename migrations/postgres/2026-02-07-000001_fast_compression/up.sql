-- Long texts are compressed with LZ4, which takes a third of the processor time of pglz, so that 2 MB of texts from one user cost others
-- less. Texts that are stored already keep their form until they change. PostgreSQL 13 has pglz only, and so has one that was built
-- without LZ4.
do $$ begin
    if exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)) then
        execute 'alter table todos
            alter column title set compression lz4,
            alter column title_folded set compression lz4,
            alter column description set compression lz4,
            alter column description_folded set compression lz4,
            alter column metadata set compression lz4,
            alter column metadata_versions set compression lz4';
    end if;
end $$;
