#!/bin/sh
# Database and roles, as the superuser: at the first start of the database, and again to change
# passwords. The addresses that the services use are the one place where a password is written.
set -eu

password_of() {
  rest=${1#*://*:}
  printf %s "${rest%%@*}"
}

psql --set ON_ERROR_STOP=1 --quiet --no-psqlrc --dbname postgres \
  --set owner="$(password_of "$DATABASE_URL")" \
  --set ingest="$(password_of "$HJEMVAKT_DATABASE_INGEST")" \
  --set patients="$(password_of "$HJEMVAKT_DATABASE_PATIENTS")" \
  --set alerts="$(password_of "$HJEMVAKT_DATABASE_ALERTS")" <<'SQL'
set log_statement = 'none';
select format('create role %I login', role)
  from unnest(array['hjemvakt', 'hjv_ingest', 'hjv_patients', 'hjv_alerts']) role
 where role not in (select rolname from pg_roles) \gexec
alter role hjemvakt password :'owner';
alter role hjv_ingest password :'ingest';
alter role hjv_patients password :'patients';
alter role hjv_alerts password :'alerts';
select 'create database hjemvakt owner hjemvakt'
 where 'hjemvakt' not in (select datname from pg_database) \gexec
revoke all on database hjemvakt from public;
grant connect on database hjemvakt to hjv_ingest, hjv_patients, hjv_alerts;
SQL
