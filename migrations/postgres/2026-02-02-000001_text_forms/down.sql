-- Nothing to revert: older versions read the texts themselves.
select 1;
