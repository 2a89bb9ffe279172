do $$ begin
    if exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)) then
        execute 'alter table todos
            alter column title set compression default,
            alter column title_folded set compression default,
            alter column description set compression default,
            alter column description_folded set compression default,
            alter column metadata set compression default,
            alter column metadata_versions set compression default';
    end if;
end $$;
