"""The list on paper as a folder holds it, and what is not on it."""

from pathlib import Path

from services.alerts.rows.downtime import Sheets
from services.alerts.stream import Notifier
from services.alerts.views import Parts
from tests.alerts import given
from tests.alerts.given import ORG, World


async def written(world: World, folder: Path) -> str:
    parts = Parts(world.alerts, Notifier(world.alerts), world.programmes, world.memory)
    await Sheets(parts, folder).write_all(folder)
    return (folder / f"{ORG}-{world.unit}.html").read_text("utf-8")


def for_owner_alone(folder: Path) -> None:
    files = [*folder.iterdir()]
    assert {path.suffix for path in files} == {".html", ".css"}  # and nothing half-written
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


async def test_every_patient_is_on_it_with_values_and_the_clock(
    world: World, tmp_path: Path
) -> None:
    first, second = await given.patient(world), await given.patient(world)
    await given.send(world, first, given.systolic(82, given.ago(minutes=5)))
    await world.judge()
    names = [row["name"] for row in await world.fetch("select name from patients.patient")]

    page = await written(world, tmp_path)

    assert all(name in page for name in names)
    assert "Systolisk 82" in page
    assert "Neste liste lages" in page
    for_owner_alone(tmp_path)
    logged = await world.fetch(
        "select patient_id from patients.access_log where by = 'system:downtime'"
    )
    assert {row["patient_id"] for row in logged} == {first, second}


async def test_what_a_patient_has_shut_for_somebody_is_not_on_it(
    world: World, tmp_path: Path
) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(82, given.ago(minutes=5)))
    await world.judge()
    await world.execute(
        "insert into patients.shield (org, id, patient_id, staff_id, at, by)"
        " values ($1, gen_random_uuid(), $2, $3, now(), 'test')",
        ORG,
        patient,
        world.nurse.id,
    )

    page = await written(world, tmp_path)

    assert "Rød" in page
    assert "Systolisk 82" not in page
    assert "sperret" in page
