-- Of what is wrong with a Rollout's choice only the first problems are kept, and how many more there are.
alter table rollouts add column more_problems int not null default 0;
