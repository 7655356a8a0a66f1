-- {"kind", "name", "origin", "since"}: the source that a Rollout moves, its URL and options in most clusters, and the number of
-- the last run that moved another source
alter table rollouts add column moves jsonb;
