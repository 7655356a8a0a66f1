-- The revision with which an object was given its bundle: another revision may leave that as it is. Unknown of what was given before.
alter table desired add column revision text;
