alter table todos drop column title_key;
