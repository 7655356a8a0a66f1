-- the release's consumers are not those that its set_digest covers: it is to be made anew
alter table releases add column recount boolean not null default false;

-- a Rollout settles a source for the clusters that it granted something
create index source_objects_source on source_objects (source_key, cluster_id);
drop index source_objects_key;
