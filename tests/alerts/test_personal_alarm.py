"""A watch's SOS or fall is red at once, whatever the patient's programme."""

import pytest

from services.alerts.clinical import calling
from tests.alerts import given
from tests.alerts.given import World, ago


@pytest.mark.parametrize("told", ["sos", "fall"])
async def test_an_alarm_is_an_open_red_that_is_urgent(world: World, told: str) -> None:
    patient = await given.patient(world, programme="cpap")

    await given.send(world, patient, given.reading("personal_alarm", ago(seconds=5), value=told))
    await world.judge()

    alert = await world.alert(patient, calling.RULE)
    assert (alert["colour"], alert["lane"], alert["state"]) == ("red", "clinical", "open")
    assert alert["emergency"]


async def test_an_alarm_of_somebody_who_is_not_followed_is_no_alert(world: World) -> None:
    patient = await given.patient(world, enrolled=-given.timedelta(days=1))
    await given.send(world, patient, given.reading("personal_alarm", ago(seconds=5), value="sos"))
    await world.judge()
    assert await world.open_alerts(patient) == []
