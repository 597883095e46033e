"""Every look is written down before anything is shown, and the patient can read who looked."""

from typing import Any

import asyncpg

from tests.patients.conftest import Record, Ward

SHOWN = (
    "", "/enrolments", "/limits", "/spo2-scale", "/pauses", "/readings", "/bindings",
)  # fmt: skip


async def log(record: Record, patient: str) -> list[Any]:
    return await record.rows(
        "select by, role, what, why, outcome, request_id from patients.access_log "
        "where patient_id = $1::text::uuid order by at",
        patient,
    )


async def test_every_look_at_a_patient_is_one_line(ward: Ward) -> None:
    before = len(await log(ward.record, ward.patient))
    for path in SHOWN:
        await ward.nurse.get(f"{ward.path}{path}")
    await ward.nurse.get(f"/fhir/Patient/{ward.patient}")
    await ward.nurse.get("/fhir/Observation", patient=ward.patient)

    lines = (await log(ward.record, ward.patient))[before:]
    assert len(lines) == len(SHOWN) + 2
    assert {line["role"] for line in lines} == {"nurse"}
    assert {line["why"] for line in lines} == {"treatment"}
    assert {line["outcome"] for line in lines} == {"shown"}
    assert len({line["request_id"] for line in lines}) == len(lines)


async def test_a_list_is_one_row_and_a_line_for_each_patient_on_it(ward: Ward) -> None:
    others = [await ward.record.patient(ward.nurse, ward.unit) for _ in range(3)]
    page = await ward.nurse.get("/v1/patients", limit=2)

    shown = {one["id"] for one in page["patients"]}
    for patient in [ward.patient, *others]:
        lines = [line for line in await log(ward.record, patient) if line["what"] == "list"]
        assert len(lines) == (1 if patient in shown else 0)


async def test_the_request_id_of_the_answer_is_the_one_in_the_log(ward: Ward) -> None:
    answer = await ward.record.client.get(
        ward.path, headers={"authorization": f"Bearer {ward.nurse.token}"}
    )
    lines = await log(ward.record, ward.patient)
    assert lines[-1]["request_id"] == answer.headers["x-request-id"]


async def test_an_attempt_from_another_unit_is_logged_as_refused(ward: Ward) -> None:
    heart = await ward.record.unit("Hjerte")
    nurse = await ward.record.staff("nurse", heart)
    refused = await nurse.get(f"{ward.path}/readings", 403)

    assert refused["code"] == "another-unit"
    last = (await log(ward.record, ward.patient))[-1]
    assert (last["what"], last["outcome"]) == ("readings", "refused")
    assert last["by"] == ward.record.ids[nurse.token or ""]


async def test_a_look_that_cannot_be_logged_shows_nothing(ward: Ward) -> None:
    await ward.record.rows("revoke all on audit.event from hjv_patients")

    for path in [f"{ward.path}{each}" for each in SHOWN] + [
        "/v1/patients",
        f"/fhir/Patient/{ward.patient}",
        f"/fhir/Observation?patient={ward.patient}",
    ]:
        answer = await ward.nurse.get(path, 503)
        assert answer["code"] == "look-cannot-be-logged"
        assert "Testesen" not in str(answer)


async def test_a_change_that_cannot_be_logged_is_not_made(ward: Ward) -> None:
    await ward.record.rows("revoke all on audit.event from hjv_patients")
    await ward.nurse.patch(ward.path, {"name": "Nytt Navn"}, 503)

    rows = await ward.record.rows("select name from patients.patient")
    assert rows[0]["name"] == "Test Testesen"
    assert len(await ward.record.decisions(ward.patient)) == 1


async def test_the_patient_reads_who_has_looked(ward: Ward) -> None:
    await ward.nurse.get(f"{ward.path}/readings")
    patient = await ward.record.person(patient=ward.patient)

    looks = (await patient.get(f"{ward.path}/access-log"))["looks"]
    assert looks[0]["role"] == "patient"  # this very look
    assert looks[1]["name"] == "nurse 1"
    assert looks[1]["what"] == "readings"
    await ward.nurse.get(f"{ward.path}/access-log", 403)


async def test_an_auditors_look_at_the_log_is_logged_too(ward: Ward) -> None:
    auditor = await ward.record.auditor()
    await auditor.get(f"{ward.path}/access-log")
    last = (await log(ward.record, ward.patient))[-1]
    assert (last["role"], last["what"], last["why"]) == ("auditor", "access-log", "audit")


async def test_the_log_pages_newest_first(ward: Ward) -> None:
    for _ in range(5):
        await ward.nurse.get(ward.path)
    auditor = await ward.record.auditor()

    seen: list[str] = []
    more: dict[str, str] = {}
    for _ in range(3):
        page = await auditor.get(f"{ward.path}/access-log", limit=2, **more)
        seen += [look["id"] for look in page["looks"]]
        more = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 6


async def test_nobody_but_the_owner_changes_the_log(ward: Ward) -> None:
    for url in (ward.record.urls.patients, ward.record.urls.alerts, ward.record.urls.ingest):
        connection = await asyncpg.connect(url)
        try:
            for statement in (
                "update audit.event set by = 'x'",
                "delete from audit.event",
                "truncate audit.event",
                "insert into audit.event (at) values (now() - interval '1 day')",
                "update audit.day set digest = ''",
                "delete from audit.day",
                "truncate audit.day",
            ):
                try:
                    await connection.execute(statement)
                except asyncpg.InsufficientPrivilegeError:
                    continue
                raise AssertionError(statement)
        finally:
            await connection.close()
