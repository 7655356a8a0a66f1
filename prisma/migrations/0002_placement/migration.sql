-- What goes where. Placements themselves are in `objects`; here is what follows from them for each cluster.

-- What a Placement was settled with last; one without its object is being taken out of its clusters.
create table placements (
  uid             text primary key,
  namespace       text not null,
  name            text not null,
  generation      bigint not null,
  tenant          text not null,
  -- the tenant's first namespace, where objects go that name none
  first_namespace text not null,
  -- digest of the objects as they are written
  revision        text not null,
  on_unmatch      text not null check (on_unmatch in ('delete', 'orphan'))
);

-- The objects of each revision, so that a cluster can be held at an earlier one.
create table placement_revisions (
  placement text not null,
  revision  text not null,
  objects   jsonb not null,
  seen_at   timestamptz not null default now(),
  primary key (placement, revision)
);

-- Digest of what placements read of a cluster, as it was settled last.
create table placement_clusters (
  cluster_id text primary key references clusters (id) on delete cascade,
  digest     text not null
);

-- A cluster that a Placement chooses.
create table placement_targets (
  placement  text not null,
  cluster_id text not null references clusters (id) on delete cascade,
  -- the revision that the cluster is to have; null while it is to have none
  revision   text,
  -- [{"object", "message"}]: why something is not sent there at all
  problems   jsonb not null default '[]',
  -- another Placement gives the cluster one of the objects
  blocked    boolean not null default false,
  primary key (placement, cluster_id)
);
create index placement_targets_cluster on placement_targets (cluster_id);

-- Content apart from state: clusters with the same variables share it.
create table manifests (
  digest     text primary key,
  manifest   jsonb not null,
  touched_at timestamptz not null default now()
);

-- An object that a Placement puts into a cluster, and the cluster's word on it.
create table placed (
  cluster_id text not null references clusters (id) on delete cascade,
  grp        text not null,
  kind       text not null,
  namespace  text not null,
  name       text not null,
  -- uid of the Placement, and its namespace/name
  placement  text not null,
  owner      text not null,
  -- null while the object is to go
  manifest   text references manifests (digest),
  leaving    text check (leaving in ('delete', 'orphan')),
  position   bigint not null,
  state      text not null default 'pending' check (state in ('pending', 'placed', 'refused', 'removing')),
  message    text not null default '',
  primary key (cluster_id, grp, kind, namespace, name),
  check ((manifest is null) <> (leaving is null))
);
create index placed_position on placed (cluster_id, position);
create index placed_placement on placed (placement, cluster_id);
create index placed_manifest on placed (manifest);

-- What each cluster is told of itself, for substitution there.
create table cluster_infos (
  cluster_id text primary key references clusters (id) on delete cascade,
  labels     jsonb not null,
  variables  jsonb not null,
  position   bigint not null
);

alter table removals drop constraint removals_fact_check;
alter table removals add constraint removals_fact_check check (fact in ('desired', 'release', 'source-status', 'placed'));
