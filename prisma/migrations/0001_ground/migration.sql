-- One row per fact, content apart from state, nothing that grows with clusters × content.
-- Versions of objects are ordered by (xid, seq): readers stop below pg_snapshot_xmin, so no watcher passes an open transaction.

create table hub_identity (
  only_row     boolean primary key default true check (only_row),
  database_id  text not null,
  created_at   timestamptz not null default now()
);

-- Keys of this hub (CA, NATS operator and account, vault), sealed with the master key.
create table hub_keys (
  name       text primary key,
  sealed     bytea not null,
  public     text not null default '',
  created_at timestamptz not null default now()
);

create table replicas (
  id          text primary key,
  address     text not null,
  version     text not null,
  lease_until timestamptz not null,
  -- ids of its job workers, whose jobs are unlocked when the lease has ended
  workers     text[] not null default '{}'
);

-- Which replica folds a partition of reports, and until when.
create table partition_leases (
  partition   int primary key,
  replica     text not null,
  lease_until timestamptz not null
);

---------------------------------------------------------------- clusters, tokens
create table clusters (
  id          text primary key check (id ~ '^c-[0-9a-f]{24}$'),
  name        text not null unique,
  cluster_uid text not null default '',
  public_key  text not null,
  csr         bytea not null,
  created_at  timestamptz not null default now(),
  approved_at timestamptz,
  approved_by text
);

create table join_tokens (
  id           text primary key,
  hash         text not null unique,
  description  text not null default '',
  cluster_name text,
  labels       jsonb not null default '{}',
  auto_approve boolean not null default true,
  uses_left    int not null,
  expires_at   timestamptz not null,
  revoked_at   timestamptz,
  created_at   timestamptz not null default now(),
  created_by   text not null
);

create table certificates (
  serial     text primary key,
  cluster_id text not null references clusters (id) on delete cascade,
  public_key text not null,
  nats_user  text not null,
  not_after  timestamptz not null,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create index certificates_cluster on certificates (cluster_id);

-- NATS users that are revoked in the account's claim, kept until their certificates would have ended.
create table nats_revocations (
  nats_user text primary key,
  at        timestamptz not null default now(),
  until     timestamptz not null
);

create table api_tokens (
  id          text primary key,
  hash        text not null unique,
  name        text not null,
  tenant      text,
  role        text not null check (role in ('admin', 'editor', 'viewer')),
  expires_at  timestamptz,
  revoked_at  timestamptz,
  created_at  timestamptz not null default now(),
  created_by  text not null
);

create table sessions (
  cluster_id    text primary key references clusters (id) on delete cascade,
  replica       text not null,
  epoch         bigint not null,
  boot          bigint not null,
  agent_version text not null,
  connected_at  timestamptz not null default now(),
  closed_at     timestamptz
);
create index sessions_replica on sessions (replica);

-- One counter numbers every downward fact of a cluster, in the transaction that writes it.
create table cluster_heads (
  cluster_id text primary key references clusters (id) on delete cascade,
  counter    bigint not null default 0,
  -- Downward facts up to here are acknowledged; tombstones below it can go.
  acked      bigint not null default 0
) with (fillfactor = 50);

---------------------------------------------------------------- objects
create sequence object_seq;

create table objects (
  scope       text not null,
  grp         text not null,
  kind        text not null,
  namespace   text not null,
  name        text not null,
  version     text not null,
  uid         text not null,
  generation  bigint not null,
  created_at  timestamptz not null,
  labels      jsonb not null default '{}',
  annotations jsonb not null default '{}',
  -- finalizers, ownerReferences, deletionTimestamp: what else metadata holds
  metadata    jsonb not null default '{}',
  spec        jsonb,
  status      jsonb,
  -- top-level members beside spec and status
  rest        jsonb not null default '{}',
  -- the cluster's own resourceVersion, for mirrors
  origin_version text,
  -- the transaction that made the object: a watch from before it is told ADDED, from after it MODIFIED
  created_xid xid8 not null default pg_current_xact_id(),
  xid         xid8 not null default pg_current_xact_id(),
  seq         bigint not null default nextval('object_seq'),
  primary key (scope, grp, kind, namespace, name)
);
create index objects_order on objects (xid, seq);
create index objects_kind on objects (grp, kind, namespace, name, scope);

create table tombstones (
  xid        xid8 not null default pg_current_xact_id(),
  seq        bigint not null default nextval('object_seq'),
  scope      text not null,
  grp        text not null,
  kind       text not null,
  namespace  text not null,
  name       text not null,
  uid        text not null,
  labels     jsonb not null default '{}',
  -- the last state, as a watcher gets it
  last       jsonb not null,
  deleted_at timestamptz not null default now(),
  primary key (xid, seq)
);
create index tombstones_kind on tombstones (grp, kind, xid, seq);
create index tombstones_uid on tombstones (uid);

-- Oldest version a watch may resume from; moved on by the sweep of tombstones.
create table watch_horizon (
  only_row boolean primary key default true check (only_row),
  xid      xid8 not null default pg_current_xact_id()
);

---------------------------------------------------------------- sources
create table credentials (
  id         text primary key,
  sealed     bytea not null,
  kind       text not null,
  created_at timestamptz not null default now(),
  touched_at timestamptz not null default now()
);

create table sources (
  key            text primary key,
  kind           text not null,
  url            text not null,
  -- ref and the options that change content
  options        jsonb not null,
  credential_id  text,
  -- may it be fetched from private addresses (an object of the platform refers to it)
  trusted        boolean not null,
  interval_ms    bigint not null,
  timeout_ms     bigint not null,
  next_at        timestamptz not null default now(),
  claimed_by     text,
  claimed_until  timestamptz,
  revision       text,
  artifact       text,
  problem        jsonb,
  failures       int not null default 0,
  checked_at     timestamptz,
  fetched_at     timestamptz,
  touched_at     timestamptz not null default now()
);
create index sources_due on sources (next_at);

create table revisions (
  source_key text not null,
  revision   text not null,
  artifact   text not null,
  -- author, subject and time of the commit
  commit     jsonb not null default '{}',
  seen_at    timestamptz not null default now(),
  primary key (source_key, revision)
);

-- Filtered trees: entries are zstd-compressed canonical lines "mode size sha256 path".
create table artifacts (
  digest     text primary key,
  entries    bytea not null,
  files      int not null,
  bytes      bigint not null,
  touched_at timestamptz not null default now()
);

create table blobs (
  digest   text primary key,
  encoding text not null check (encoding in ('identity', 'zstd')),
  size     int not null,
  bytes    bytea not null,
  touched_at timestamptz not null default now()
);
alter table blobs alter column bytes set storage external;

-- A source object of a cluster and the Source that serves it.
create table source_objects (
  cluster_id    text not null references clusters (id) on delete cascade,
  kind          text not null,
  namespace     text not null,
  name          text not null,
  source_key    text,
  generation    bigint not null,
  suspended     boolean not null,
  interval_ms   bigint not null,
  requested_at  text not null default '',
  -- when the hub first saw that request: a check that began later answers it
  requested_seen_at timestamptz not null default now(),
  problem       jsonb,
  primary key (cluster_id, kind, namespace, name)
);
create index source_objects_key on source_objects (source_key);

---------------------------------------------------------------- render
create table bundles (
  digest     text primary key,
  encoding   text not null check (encoding in ('identity', 'zstd')),
  size       int not null,
  bytes      bytea not null,
  touched_at timestamptz not null default now()
);
alter table bundles alter column bytes set storage external;

-- What a build read and what came of it: valid for every tree in which it would read the same.
create table builds (
  options_digest text not null,
  reads_digest   text not null,
  reads          bytea not null,
  bundle         text,
  problem        jsonb,
  built_at       timestamptz not null default now(),
  touched_at     timestamptz not null default now(),
  primary key (options_digest, reads_digest),
  check ((bundle is null) <> (problem is null))
);

---------------------------------------------------------------- desired
-- Who consumes what: kept when a mirror is folded, so that fan-out never searches JSON.
create table consumers (
  cluster_id       text not null references clusters (id) on delete cascade,
  grp              text not null,
  kind             text not null,
  namespace        text not null,
  name             text not null,
  source_kind      text not null,
  source_namespace text not null,
  source_name      text not null,
  options_digest   text not null,
  options          jsonb not null,
  suspended        boolean not null,
  primary key (cluster_id, grp, kind, namespace, name)
);
create index consumers_source on consumers (source_kind, source_namespace, source_name, cluster_id);

create table desired (
  cluster_id       text not null references clusters (id) on delete cascade,
  grp              text not null,
  kind             text not null,
  namespace        text not null,
  name             text not null,
  source_kind      text not null,
  source_namespace text not null,
  source_name      text not null,
  options_digest   text not null,
  bundle           text,
  problem          jsonb,
  position         bigint not null,
  primary key (cluster_id, grp, kind, namespace, name),
  check ((bundle is null) <> (problem is null))
);
create index desired_position on desired (cluster_id, position);
create index desired_bundle on desired (bundle);

create table releases (
  cluster_id       text not null references clusters (id) on delete cascade,
  source_kind      text not null,
  source_namespace text not null,
  source_name      text not null,
  source_key       text not null,
  revision         text not null,
  artifact         text not null,
  set_digest       text not null,
  position         bigint not null,
  released_at      timestamptz not null default now(),
  primary key (cluster_id, source_kind, source_namespace, source_name)
);
create index releases_position on releases (cluster_id, position);
create index releases_source on releases (source_key);

create table source_statuses (
  cluster_id  text not null references clusters (id) on delete cascade,
  kind        text not null,
  namespace   text not null,
  name        text not null,
  generation  bigint not null,
  revision    text not null default '',
  artifact    text not null default '',
  bytes       bigint not null default 0,
  artifact_at timestamptz,
  problem     jsonb,
  handled_at  text not null default '',
  position    bigint not null,
  -- place in the order of the object store: a new artifact is news of the source object
  xid         xid8 not null default pg_current_xact_id(),
  seq         bigint not null default nextval('object_seq'),
  primary key (cluster_id, kind, namespace, name)
);
create index source_statuses_position on source_statuses (cluster_id, position);
create index source_statuses_order on source_statuses (xid, seq);

-- A namespace belongs to one tenant at most.
create table tenant_namespaces (
  namespace text primary key,
  tenant    text not null
);
create index tenant_namespaces_tenant on tenant_namespaces (tenant);

create table tenant_access (
  cluster_id      text not null references clusters (id) on delete cascade,
  tenant          text not null,
  namespaces      text[] not null,
  cluster_role    text not null,
  service_account text not null,
  removed         boolean not null default false,
  position        bigint not null,
  primary key (cluster_id, tenant)
);
create index tenant_access_position on tenant_access (cluster_id, position);

-- Tombstones of downward facts, until acknowledged.
create table removals (
  cluster_id text not null references clusters (id) on delete cascade,
  fact       text not null check (fact in ('desired', 'release', 'source-status')),
  grp        text not null,
  kind       text not null,
  namespace  text not null,
  name       text not null,
  position   bigint not null,
  primary key (cluster_id, fact, grp, kind, namespace, name)
);
create index removals_position on removals (cluster_id, position);

-- Digest over what all consumers of a source object hold; the agent's half is proto/model/set-members.ts.
create function set_digest_of(cluster text, source_kind_ text, source_namespace_ text, source_name_ text) returns text language sql stable as $$
  select 'sha256:' || encode(sha256(convert_to(coalesce(string_agg(line, '' order by line collate "C"), ''), 'UTF8')), 'hex')
  from (
    select kind || ' ' || namespace || ' ' || name || ' '
           || coalesce(bundle, 'problem:' || encode(sha256(convert_to((problem ->> 'reason') || E'\n' || (problem ->> 'message'), 'UTF8')), 'hex')) || E'\n' as line
    from desired
    where cluster_id = cluster and source_kind = source_kind_ and source_namespace = source_namespace_ and source_name = source_name_
  ) lines
$$;
create index desired_source on desired (cluster_id, source_kind, source_namespace, source_name);

---------------------------------------------------------------- reports
create table report_positions (
  cluster_id text not null references clusters (id) on delete cascade,
  lane       text not null,
  boot       bigint not null,
  sequence   bigint not null,
  folded_at  timestamptz not null default now(),
  primary key (cluster_id, lane)
);

create table observed (
  cluster_id text not null references clusters (id) on delete cascade,
  grp        text not null,
  kind       text not null,
  namespace  text not null,
  name       text not null,
  generation bigint not null,
  ready      text not null check (ready in ('True', 'False', 'Unknown')),
  reason     text not null,
  message    text not null,
  suspended  boolean not null default false,
  -- null while the object is where `reached` says
  last_applied_revision   text,
  last_attempted_revision text,
  in_line    boolean not null default true,
  since      timestamptz not null default now(),
  primary key (cluster_id, grp, kind, namespace, name)
);

-- What every consumer of a source object in a cluster is at, but for the stragglers.
create table reached (
  cluster_id       text not null references clusters (id) on delete cascade,
  source_kind      text not null,
  source_namespace text not null,
  source_name      text not null,
  revision         text not null,
  ready            int not null,
  not_ready        int not null,
  set_digest       text not null,
  at               timestamptz not null default now(),
  xid              xid8 not null default pg_current_xact_id(),
  seq              bigint not null default nextval('object_seq'),
  primary key (cluster_id, source_kind, source_namespace, source_name)
);
create index reached_order on reached (xid, seq);

create table inventories (
  cluster_id text not null references clusters (id) on delete cascade,
  grp        text not null,
  kind       text not null,
  namespace  text not null,
  name       text not null,
  ids        text[] not null,
  versions   text[] not null,
  primary key (cluster_id, grp, kind, namespace, name)
);

create table rejected_reports (
  id         bigint generated always as identity primary key,
  cluster_id text not null,
  lane       text not null,
  boot       bigint,
  sequence   bigint,
  reason     text not null,
  bytes      int not null,
  at         timestamptz not null default now()
);

---------------------------------------------------------------- events, audit: append-only, partitioned by time
create table events (
  id         text not null,
  cluster_id text not null,
  grp        text not null,
  kind       text not null,
  namespace  text not null,
  name       text not null,
  severity   text not null,
  reason     text not null,
  message    text not null,
  revision   text not null default '',
  at         timestamptz not null,
  xid        xid8 not null default pg_current_xact_id(),
  seq        bigint not null default nextval('object_seq'),
  primary key (at, cluster_id, id)
) partition by range (at);
create index events_object on events (cluster_id, kind, namespace, name, at desc);
create index events_order on events (xid, seq);

create table audit (
  id      bigint generated always as identity,
  at      timestamptz not null default now(),
  subject text not null,
  verb    text not null,
  object  text not null,
  outcome text not null,
  detail  text not null default '',
  primary key (at, id)
) partition by range (at);
create table events_default partition of events default;
create table audit_default partition of audit default;
