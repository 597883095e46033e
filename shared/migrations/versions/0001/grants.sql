-- What each service may touch. No service has DDL; nobody may change or delete a fact.
grant usage on schema ledger to hjv_ingest, hjv_patients, hjv_alerts;

revoke execute on all functions in schema ledger from public;
grant execute on function ledger.append to hjv_ingest, hjv_patients, hjv_alerts;
grant execute on function ledger.mend to hjv_ingest;
grant select (org, id, cred, message_id, reuse, state, received_at) on ledger.quarantine to hjv_ingest;
grant select (org, cred, message_id, reuse, media_type, raw) on ledger.receipt to hjv_ingest;
grant select on ledger.organisation to hjv_ingest, hjv_patients, hjv_alerts;

grant execute on function
    ledger.refile, ledger.release, ledger.reject, ledger.ask_replay, ledger.shard, ledger.named_id
    to hjv_patients;
grant insert on ledger.organisation to hjv_patients;
grant select, insert on ledger.decision to hjv_patients;
grant insert on ledger.handover to hjv_patients;
grant select on ledger.reading, ledger.superseded, ledger.current, ledger.receipt,
    ledger.quarantine to hjv_patients;

grant execute on function ledger.route, ledger.shard, ledger.months_ahead to hjv_alerts;
grant execute on function ledger.stands to hjv_patients, hjv_alerts;
grant select on ledger.reading, ledger.superseded, ledger.current, ledger.decision to hjv_alerts;
grant select, insert, update, delete on ledger.handover to hjv_alerts;
grant select (org, id, code, state, unit_id, patient_id, at, received_at, cred)
    on ledger.quarantine to hjv_alerts;
