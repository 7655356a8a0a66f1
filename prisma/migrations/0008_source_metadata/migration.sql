-- What is told of a revision beside its name: annotations of an OCI artifact, name and making of a chart.
alter table revisions add column metadata jsonb not null default '{}';
alter table source_statuses add column metadata jsonb not null default '{}';
