"""Which version of a programme an organisation judges by: a decision of each patient in it."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.alerts.looking_back import store_trials
from services.patients import app as wiring
from services.patients.hospital import versions
from services.patients.nouns import Activation
from shared import programmes, settings
from shared.access import Caller, Role
from shared.database import Database
from shared.programmes import marking
from tests.patients.conftest import NOW, Person, Record, Ward
from tests.programmes.spoiling import spoil

SLUG = "home_dialysis"
ACTIVATE = f"/v1/programmes/{SLUG}/activate"
SHIPPED = programmes.load(SLUG).version
OWN = f"{SHIPPED}-nyre"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hospital's own version of home dialysis, which the record is started with."""
    folder = tmp_path / "programmes" / SLUG
    shutil.copytree(programmes.SHIPPED / SLUG, folder)
    spoil(folder, "programme.toml", f'version = "{SHIPPED}"', f'version = "{OWN}"')
    spoil(folder, "programme.toml", "min = 60", "min = 50")
    monkeypatch.setenv("HJEMVAKT_PROGRAMMES", str(folder.parent))
    return folder


@pytest.fixture
async def ward(own: Path, record: Record) -> Ward:
    unit = await record.unit()
    nurse = await record.staff("nurse", unit)
    return Ward(record, unit, nurse, await record.patient(nurse, unit))


def body(version: str = SHIPPED, **more: Any) -> dict[str, Any]:
    return {"version": version, "what_if_shown": True, "reason": "Fagrådet", **more}


async def tried(record: Record, version: str = SHIPPED, **other: Any) -> None:
    """What the alerts keep of a what-if; the journeys do it by the door."""
    loaded = programmes.versions(settings.read(settings.Patients).programmes)[SLUG]
    said: dict[str, Any] = {
        "by": "n", "by_name": "N", "role": "nurse", "programme": SLUG, "what": "version",
        "version": version, "scope": "units",
        "unit_id": None, "days": 30, "patients": 3, "before": 2, "after": 1,
    }  # fmt: skip
    org = other.pop("org", record.org)
    said["digest"] = other.get("digest") or marking.digest(loaded[version])
    async with record.alerts.transaction() as tx:
        await store_trials.add(tx, org, store_trials.Trial(**{**said, **other}))


async def known(who: Person) -> Any:
    found = (await who.get("/v1/programmes"))["programmes"]
    return next(one for one in found if one["slug"] == SLUG)


async def test_both_versions_are_there_and_the_newest_counts_until_somebody_decides(
    ward: Ward,
) -> None:
    shown = await known(ward.nurse)

    assert shown["version"] == OWN
    assert [one["version"] for one in shown["versions"]] == [SHIPPED, OWN]
    assert (shown["active"]["version"], shown["active"]["since"]) == (OWN, None)
    assert (shown["approved_by"], shown["approved_on"]) == ("", None)
    assert shown["names"]["nb"] == "Hjemmedialyse"


async def test_an_activation_is_a_decision_about_every_patient_in_the_programme(
    ward: Ward,
) -> None:
    outside = await ward.record.patient(ward.nurse, ward.unit)
    await ward.nurse.post(f"{ward.path}/enrolments", {"programme": SLUG})
    physician = await ward.record.staff("physician", ward.unit)

    await tried(ward.record)
    made = await physician.post(ACTIVATE, body())
    later = await ward.record.patient(ward.nurse, ward.unit)
    await ward.nurse.post(f"/v1/patients/{later}/enrolments", {"programme": SLUG})

    shown = await known(ward.nurse)
    assert shown["active"]["version"] == SHIPPED
    assert shown["active"]["since"] == made["from"]
    assert shown["active"]["reason"] == "Fagrådet"
    enrolled, activated = (await ward.record.decisions(ward.patient))[1:]
    assert (enrolled.type, enrolled.body["version"]) == ("enrolled", OWN)
    assert (activated.type, activated.body["version"]) == ("programme-activated", SHIPPED)
    assert activated.at >= enrolled.at
    assert [one.type for one in await ward.record.decisions(outside)] == ["patient-registered"]
    assert (await ward.record.decisions(later))[1].body["version"] == SHIPPED
    handed = await ward.record.rows(
        "select patient_id from ledger.handover where type = 'programme-activated'"
    )
    assert [str(row["patient_id"]) for row in handed] == [ward.patient]


async def test_limits_are_those_of_the_active_version(ward: Ward) -> None:
    await ward.nurse.post(f"{ward.path}/enrolments", {"programme": SLUG})
    sent = {"programme": SLUG, "name": "systolic_red_low", "value": 55, "reason": "x"}
    await ward.nurse.post(f"{ward.path}/limits", sent, 202)

    physician = await ward.record.staff("physician", ward.unit)
    await tried(ward.record)
    await physician.post(ACTIVATE, body())
    refused = await ward.nurse.post(f"{ward.path}/limits", sent, 422)
    assert (refused["code"], refused["min"]) == ("limit-is-out-of-bounds", 60)
    # What was proposed under the other version is no more within bounds.
    second = await ward.record.staff("nurse", ward.unit)
    [waiting] = (await second.get(f"/v1/units/{ward.unit}/proposals"))["waiting"]
    path = f"{ward.path}/limits/{waiting['proposal']['id']}/confirm"
    assert (await second.post(path, None, 422))["code"] == "limit-is-out-of-bounds"


async def test_what_cannot_be_activated_is_refused_in_words(ward: Ward) -> None:
    physician = await ward.record.staff("physician", ward.unit)

    for sent, code in [
        (body("9.9"), "version-is-not-loaded"),
        (body(what_if_shown=False), "invalid-request"),
        ({"version": SHIPPED, "what_if_shown": True}, "invalid-request"),
    ]:
        status = 422 if code == "invalid-request" else 409
        assert (await physician.post(ACTIVATE, sent, status))["code"] == code
    unknown = await physician.post("/v1/programmes/magic/activate", body(), 404)
    assert unknown["code"] == "no-such-programme"
    await tried(ward.record)
    await tried(ward.record, OWN)
    await physician.post(ACTIVATE, body())
    assert (await physician.post(ACTIVATE, body(), 409))["code"] == "already-active"
    await physician.post(ACTIVATE, body(OWN))


async def test_a_physician_may_activate_and_neither_nurse_nor_administrator(ward: Ward) -> None:
    physician = await ward.record.staff("physician", ward.unit)
    await tried(ward.record)
    await ward.nurse.post(ACTIVATE, body(), 403)
    administrator = await ward.record.administrator()
    await administrator.post(ACTIVATE, body(), 403)
    await physician.post(ACTIVATE, body())
    assert (await known(physician))["active"]["by_name"] == "physician 1"


async def test_an_activation_counts_in_one_organisation(ward: Ward) -> None:
    unit = await ward.record.unit(org="elsewhere")
    elsewhere = await ward.record.staff("physician", unit, org="elsewhere")
    await tried(ward.record)
    assert (await elsewhere.post(ACTIVATE, body(), 409))["code"] == "what-if-is-not-shown"
    await tried(ward.record, org="elsewhere")
    await elsewhere.post(ACTIVATE, body())
    assert (await known(ward.nurse))["active"]["version"] == OWN
    assert (await known(elsewhere))["active"]["version"] == SHIPPED


async def test_whoever_is_enrolled_meanwhile_follows_the_new_version(ward: Ward) -> None:
    patients = [await ward.record.patient(ward.nurse, ward.unit) for _ in range(6)]
    physician = await ward.record.staff("physician", ward.unit)
    await tried(ward.record)

    await asyncio.gather(
        *(
            ward.nurse.post(f"/v1/patients/{one}/enrolments", {"programme": SLUG})
            for one in patients[:3]
        ),
        physician.post(ACTIVATE, body()),
        *(
            ward.nurse.post(f"/v1/patients/{one}/enrolments", {"programme": SLUG})
            for one in patients[3:]
        ),
    )
    for patient in patients:
        said = [one for one in await ward.record.decisions(patient) if "version" in one.body]
        assert said[-1].body["version"] == SHIPPED, [(one.type, one.at) for one in said]


async def test_in_production_only_what_somebody_approved_is_activated(ward: Ward) -> None:
    loaded = programmes.versions(None)
    approved = loaded[SLUG][SHIPPED].model_copy(
        update={"version": "2.0", "approved_by": "Kari Eksempel", "approved_on": NOW.date()}
    )
    both = {SLUG: {**loaded[SLUG], "2.0": approved}}
    caller = Caller("a", "A", Role.ADMINISTRATOR, ward.record.org)
    database = Database(ward.record.urls.patients, name="test", size=1)
    await database.open()

    async def activate(version: str) -> Activation:
        return await versions.activate(
            database, caller, both, "production", SLUG, version=version, reason="x"
        )

    try:
        with pytest.raises(versions.ProgrammeIsNotApproved):
            await activate(SHIPPED)
        with pytest.raises(versions.WhatIfIsNotShown):
            await activate("2.0")
        await tried(ward.record, version="2.0", digest=marking.digest(approved))
        assert (await activate("2.0")).version == "2.0"
    finally:
        await database.close()
    # It is not on this record's disk, and the list says so.
    active = (await known(ward.nurse))["active"]
    assert (active["version"], active["loaded"]) == ("2.0", False)


@pytest.mark.usefixtures("record")
def test_a_broken_folder_of_ones_own_stops_the_start_with_sentences(own: Path) -> None:
    spoil(own, "rules.toml", 'kind = "change"', 'kind = "changed"')

    with pytest.raises(programmes.ProgrammeIsUnreadable, match=r"rules\.toml, line \d+: "):
        wiring.create()
    shutil.rmtree(own.parent)
    with pytest.raises(programmes.ProgrammeIsUnreadable, match="is not a folder"):
        wiring.create()
    assert settings.read(settings.Patients).programmes == own.parent


@pytest.mark.parametrize(
    "not_enough",
    [
        {"scope": "patient"},
        {"what": "limits", "version": None},
        {"digest": "0" * 64},
        {"version": OWN, "digest": "of it"},
        {"at": "13 hours ago"},
    ],
)
async def test_only_a_trial_of_exactly_this_makes_a_version_count(
    ward: Ward, not_enough: dict[str, Any]
) -> None:
    physician = await ward.record.staff("physician", ward.unit)
    is_old = not_enough.pop("at", None)
    if not_enough.get("digest") == "of it":
        del not_enough["digest"]
    elif "version" in not_enough and not_enough["version"] is None:
        not_enough["digest"] = "1" * 64
    await tried(ward.record, **not_enough)
    if is_old:
        await ward.record.rows("update alerts.trial set at = at - interval '13 hours'")

    refused = await physician.post(ACTIVATE, body(), 409)

    assert refused["code"] == "what-if-is-not-shown"
    assert (await known(physician))["active"]["since"] is None


SIGN = f"/v1/programmes/{SLUG}/sign"


def signature(seat: str, version: str = SHIPPED, **more: Any) -> dict[str, Any]:
    return {"version": version, "seat": seat, "words": "Lest og godkjent", **more}


async def test_three_persons_sign_what_a_version_says(ward: Ward) -> None:
    owner = await ward.record.staff("physician", ward.unit)
    second = await ward.record.staff("physician", ward.unit)
    listed = next(one for one in (await known(ward.nurse))["versions"] if one["version"] == SHIPPED)
    assert (listed["signed"], listed["signatures"]) == (False, [])

    stale = await owner.post(SIGN, signature("clinical-owner", digest="0" * 64), 409)
    assert stale["code"] == "programme-has-changed"
    made = await owner.post(SIGN, signature("clinical-owner", digest=listed["digest"]))
    assert (made["seat"], made["by_name"], made["words"]) == (
        "clinical-owner", "physician 1", "Lest og godkjent",
    )  # fmt: skip
    for who, seat, code in (
        (owner, "second-physician", "already-signed"),
        (second, "clinical-owner", "seat-is-taken"),
    ):
        assert (await who.post(SIGN, signature(seat), 409))["code"] == code
    wrong = await ward.nurse.post(SIGN, signature("second-physician"), 403)
    assert wrong["code"] == "seat-is-not-yours"
    await ward.nurse.post(SIGN, signature("nurse"))
    await second.post(SIGN, signature("second-physician"))

    shown = {one["version"]: one for one in (await known(ward.nurse))["versions"]}
    assert shown[SHIPPED]["signed"] is True
    assert [one["seat"] for one in shown[SHIPPED]["signatures"]] == [
        "clinical-owner", "nurse", "second-physician",
    ]  # fmt: skip
    assert shown[OWN]["signatures"] == []
    connection = await asyncpg.connect(ward.record.urls.patients)
    try:
        for taken_back in ("delete from", "update"):
            words = f"{taken_back} patients.programme_signature"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(words + (" set words = ''" if "up" in words else ""))
    finally:
        await connection.close()


async def test_three_signatures_approve_a_version_for_production(ward: Ward) -> None:
    loaded = programmes.versions(None)
    caller = Caller("a", "A", Role.ADMINISTRATOR, ward.record.org)
    owner = await ward.record.staff("physician", ward.unit)
    second = await ward.record.staff("physician", ward.unit)
    await tried(ward.record)
    signs = ((owner, "clinical-owner"), (ward.nurse, "nurse"), (second, "second-physician"))
    database = Database(ward.record.urls.patients, name="test", size=1)
    await database.open()

    async def activate() -> Activation:
        return await versions.activate(
            database, caller, loaded, "production", SLUG, version=SHIPPED, reason="x"
        )

    try:
        for who, seat in signs:
            with pytest.raises(versions.ProgrammeIsNotApproved):
                await activate()
            await who.post(SIGN, signature(seat))
        assert (await activate()).version == SHIPPED
    finally:
        await database.close()
