-- Of what is wrong with a Rollout's choice only the first problems are kept, and how many more there are.
alter table rollouts add column more_problems int not null default 0;

-- the look at which the cluster was given what it is to have: what was known then says nothing of that yet
alter table rollout_targets add column given_at timestamptz;
