-- The earlier schema has no place for: metadata; tombstones without texts, which are deleted as the removal of old tombstones
-- deletes them; all epochs but the current one; and totals and digests of users. Devices read everything again if their
-- cursor is of another epoch, of an epoch of their user alone, or older than a deleted tombstone.

drop index todos_unshrunk;
update users u
   set sync_horizon = greatest(u.sync_horizon, t.newest)
  from (select user_id, max(updated_at) as newest from todos where title is null group by user_id) t
 where u.id = t.user_id;
delete from todos where title is null;
alter table todos
    drop constraint todos_texts_check,
    drop column metadata,
    drop column metadata_versions,
    alter column title set not null,
    alter column title_folded set not null;

alter table users
    drop column digest,
    drop column stored_bytes,
    drop column tombstones,
    drop column epoch_ordinal,
    drop column epoch_counter,
    drop column partings;

create table database_epoch (
    singleton boolean primary key default true check (singleton),
    epoch text not null check (epoch <> '')
);
insert into database_epoch (epoch) select epoch from epochs order by ordinal desc limit 1;
drop function todo_begin_timeline();
drop function todo_timeline();
drop table epochs;
