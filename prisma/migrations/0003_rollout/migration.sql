-- Which revision reaches which cluster when. What a governed source object is to have is a grant; everything else here
-- is the state of the runs that give grants.

-- A source object that a Rollout governs: it has what it was granted, and until then what it had.
create table governed (
  cluster_id       text not null references clusters (id) on delete cascade,
  source_kind      text not null,
  source_namespace text not null,
  source_name      text not null,
  rollout          text not null,
  -- it has another URL or ref than the others, and keeps what it has
  apart            boolean not null default false,
  primary key (cluster_id, source_kind, source_namespace, source_name)
);
create index governed_rollout on governed (rollout);

create table grants (
  cluster_id       text not null references clusters (id) on delete cascade,
  source_kind      text not null,
  source_namespace text not null,
  source_name      text not null,
  rollout          text not null,
  run              text not null,
  revision         text not null,
  artifact         text not null,
  granted_at       timestamptz not null default now(),
  primary key (cluster_id, source_kind, source_namespace, source_name)
);
create index grants_rollout on grants (rollout);

-- A Rollout, beside its object: what outlives its runs. Whoever decides anything about it locks this row first.
create table rollouts (
  uid         text primary key,
  namespace   text not null,
  name        text not null,
  -- the newest content that every source it spans has resolved
  newest      jsonb,
  -- the newest revision that a run was started for, or that was there before the first run
  seen        text,
  -- what clusters have that join while nothing is on its way
  standing    jsonb,
  -- {"by", "reason", "since"}
  hold        jsonb,
  paused      jsonb,
  -- {"content", "cause", "by", "reason"}: the run that a person asked for
  asked       jsonb,
  problems    jsonb not null default '[]',
  last_number int not null default 0,
  -- the run in progress, or the last one
  run         text,
  surveyed_at timestamptz,
  look_at     timestamptz
);
create index rollouts_look on rollouts (look_at);
create index rollouts_name on rollouts (namespace, name);

-- Revisions that were taken back: they are not tried again by themselves.
create table rollout_bad (
  rollout  text not null references rollouts (uid) on delete cascade,
  revision text not null,
  at       timestamptz not null default now(),
  primary key (rollout, revision)
);

create table rollout_runs (
  id         text primary key,
  rollout    text not null references rollouts (uid) on delete cascade,
  number     int not null,
  cause      text not null check (cause in ('revision', 'promote', 'rollback')),
  revision   text not null,
  artifact   text not null,
  policy     jsonb not null,
  state      text not null,
  clock_ms   bigint not null default 0,
  looked_at  timestamptz,
  -- asleep_ms of rollout_pulse at that look
  asleep_ms  bigint not null default 0,
  started_at timestamptz not null,
  ended_at   timestamptz,
  outcome    text,
  started_by text,
  -- author and subject of the commit
  commit     jsonb not null default '{}',
  unique (rollout, number)
);

create table rollout_waves (
  run          text not null references rollout_runs (id) on delete cascade,
  ordinal      int not null,
  plan         jsonb not null,
  state        text not null,
  started_at   timestamptz,
  completed_at timestamptz,
  approved_by  text,
  skipped_by   text,
  -- what a person said, perhaps before the wave came to it
  approval     text,
  skip         text,
  primary key (run, ordinal)
);

create table rollout_targets (
  run             text not null references rollout_runs (id) on delete cascade,
  cluster_id      text not null,
  name            text not null,
  wave            int not null,
  state           text not null,
  given           text not null check (given in ('nothing', 'content', 'before')),
  before_revision text,
  before_artifact text,
  since_ms        bigint,
  was             text,
  complaint       jsonb,
  failed_once     boolean not null default false,
  primary key (run, cluster_id)
);
create index rollout_targets_cluster on rollout_targets (cluster_id);

-- That some hub is awake: time in which none was is time that no run was watched.
create table rollout_pulse (
  only_row  boolean primary key default true check (only_row),
  seen_at   timestamptz not null default now(),
  asleep_ms bigint not null default 0
);
insert into rollout_pulse default values;
