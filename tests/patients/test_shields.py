"""A patient's lock and block, and the emergency access that opens the one and not the other."""

from typing import Any

from tests.patients.conftest import Person, Record, Ward

WHY = {"reason": "acute-illness", "text": "Innlagt i natt, ser på målingene"}


async def log(ward: Ward, person: Person) -> list[Any]:
    """The access log's newest lines: what, why, outcome."""
    looks = (await person.get(f"{ward.path}/access-log"))["looks"]
    return [(one["what"], one["why"], one["outcome"]) for one in looks]


async def stranger(record: Record) -> Person:
    return await record.staff("physician", await record.unit("Hjerte"))


async def test_another_unit_opens_the_record_for_an_hour_and_everybody_is_told(ward: Ward) -> None:
    record = ward.record
    doctor = await stranger(record)
    patient = await record.person(patient=ward.patient)
    refused = await doctor.get(f"{ward.path}/readings", 403)
    assert refused["code"] == "another-unit"

    opened = await doctor.post(f"{ward.path}/emergency-access", WHY)

    await doctor.get(f"{ward.path}/readings")
    assert (await log(ward, patient))[1:4] == [
        ("readings", "emergency:acute-illness", "shown"),
        ("emergency-access", "emergency:acute-illness", "changed"),
        ("readings", "treatment", "refused"),
    ]
    text = (await patient.ask("GET", f"{ward.path}/access-log")).__repr__()
    assert WHY["text"] not in text, "the free text is for the unit and the auditor"
    for reader in (ward.nurse, await record.auditor()):
        [notice] = (await reader.get("/v1/emergency-access"))["emergencies"]
        assert (notice["id"], notice["text"]) == (opened["id"], WHY["text"])
    # It opens reading, not deciding.
    await doctor.post(f"{ward.path}/enrolments", {"programme": "home_dialysis"}, 403)
    # For this person, this patient, this hour.
    await (await stranger_of(record)).get(f"{ward.path}/readings", 403)
    other = await record.patient(ward.nurse, ward.unit)
    await doctor.get(f"/v1/patients/{other}/readings", 403)
    await over(record)
    await doctor.get(f"{ward.path}/readings", 403)


async def stranger_of(record: Record) -> Person:
    return await record.staff("nurse", await record.unit("Lunge"))


async def over(record: Record) -> None:
    await record.rows("update patients.emergency set until = now() - interval '1 second'")


async def test_a_lock_is_opened_only_in_an_emergency(ward: Ward) -> None:
    patient = await ward.record.person(patient=ward.patient)
    lock = await patient.post(f"{ward.path}/shields", {})

    assert (await ward.nurse.get(f"{ward.path}/readings", 403))["code"] == "locked"
    await ward.nurse.get(ward.path, 403)
    await patient.get(f"{ward.path}/readings")
    await patient.post(f"{ward.path}/shields", {}, 409)
    await ward.nurse.post(f"{ward.path}/emergency-access", WHY)
    await ward.nurse.get(f"{ward.path}/readings")
    await over(ward.record)
    await ward.nurse.get(f"{ward.path}/readings", 403)

    await patient.post(f"{ward.path}/shields/{lock['id']}/end", None, 204)
    await patient.post(f"{ward.path}/shields/{lock['id']}/end", None, 404)
    await ward.nurse.get(f"{ward.path}/readings")


async def test_a_block_beats_an_emergency_also_one_that_is_open(ward: Ward) -> None:
    record = ward.record
    patient = await record.person(patient=ward.patient)
    nurse = record.ids[ward.nurse.token or ""]
    await ward.nurse.post(f"{ward.path}/emergency-access", WHY)

    await patient.post(f"{ward.path}/shields", {"staff": nurse})

    assert (await ward.nurse.get(f"{ward.path}/readings", 403))["code"] == "blocked"
    refused = await ward.nurse.post(f"{ward.path}/emergency-access", WHY, 403)
    assert refused["code"] == "blocked"
    assert ("emergency-access", "emergency:acute-illness", "refused") in await log(ward, patient)
    colleague = await record.staff("nurse", ward.unit)
    await colleague.get(f"{ward.path}/readings")
    assert (await patient.get(f"{ward.path}/shields"))["shields"][0]["staff"] == nurse


async def test_who_is_blocked_must_work_here(ward: Ward) -> None:
    administrator = await ward.record.administrator()
    someone = {"staff": "0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e"}
    assert (await administrator.post(f"{ward.path}/shields", someone, 422))["code"] == (
        "unknown-staff"
    )


async def test_a_reason_is_one_of_the_few_and_has_words(ward: Ward) -> None:
    doctor = await stranger(ward.record)
    for body in ({}, {"reason": "curiosity", "text": "lenge nok"}, {**WHY, "text": "x"}):
        await doctor.post(f"{ward.path}/emergency-access", body, 422)
