-- what the token may ask of Rollouts; null for what its role may
alter table api_tokens add column verbs text[];
