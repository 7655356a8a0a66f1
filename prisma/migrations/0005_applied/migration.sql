-- What Kustomizations applied last, and how that is doing by now: their agents' word, written when it changes.
create table applied (
  cluster_id text not null references clusters (id) on delete cascade,
  grp        text not null,
  kind       text not null,
  namespace  text not null,
  name       text not null,
  -- the object that applied it, as it was then
  uid        text not null,
  generation bigint not null,
  bundle     text not null,
  health     text not null check (health in ('Current', 'InProgress', 'Failed', 'NotAssessed')),
  -- the first object that is to blame, and why
  message    text not null,
  -- Flux objects among what was applied, each with the uid and generation that it had afterwards
  flux_objects jsonb not null default '[]',
  since      timestamptz not null default now(),
  primary key (cluster_id, grp, kind, namespace, name)
);
