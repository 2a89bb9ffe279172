drop index sessions_open;
