-- {"kind", "name", "since"}: what a Rollout moves, and the number of its last run that moved something else
alter table rollouts add column moves jsonb;
