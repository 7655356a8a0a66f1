-- the release's consumers are not those that its set_digest covers: it is to be made anew
alter table releases add column recount boolean not null default false;
