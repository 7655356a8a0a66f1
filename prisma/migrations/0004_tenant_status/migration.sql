-- What became of tenants in clusters, where their sources may come from, and what is needed to collect what nobody uses.

-- An inventory travels with its object's status; this lane carried nothing.
drop table inventories;

-- The cluster's answer to its present access; null until it has answered.
alter table tenant_access
  add column setup text check (setup in ('ready', 'failed')),
  add column setup_problem text,
  add check ((setup is not distinct from 'failed') = (setup_problem is not null));
create index tenant_access_tenant on tenant_access (tenant);

-- Generation of a Tenant that namespaces and access are in line with.
create table settled_tenants (
  tenant     text primary key,
  uid        text not null,
  generation bigint not null
);

-- Hosts that sources of the namespace may come from; null for every public one.
alter table tenant_namespaces add column hosts text[];

-- Namespaces whose sources are to be looked at again: another tenant's, or with other hosts.
create table source_reviews (
  namespace text primary key,
  since     timestamptz not null default now()
);

alter table source_objects add column credential_id text, add column credential_problem jsonb;
update source_objects o set credential_id = s.credential_id from sources s where s.key = o.source_key;
alter table sources add column hosts text[];

-- False while the content is being stored: the row names it, so that what a killed hub left behind is collected too.
alter table artifacts add column whole boolean not null default true;
create index revisions_artifact on revisions (artifact);
