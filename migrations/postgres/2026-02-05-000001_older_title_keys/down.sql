drop index todos_without_title_key;
drop trigger forget_title_key on todos;
drop function todo_forget_title_key();
