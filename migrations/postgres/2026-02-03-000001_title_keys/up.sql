-- The key by which titles are sorted: bytes in the order of the root collation. The program computes the keys of existing
-- todos after this script. The order of an ICU collation of the database would depend on the version of its ICU.
-- Null for a tombstone whose texts were removed.
alter table todos add column title_key bytea;
