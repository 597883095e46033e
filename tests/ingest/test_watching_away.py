"""A receipt says who watches now, also while the database is asked in vain."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from services.ingest.accept import Intake
from services.ingest.traffic import Traffic
from shared import identity
from shared.contracts import Watch
from shared.database import Database
from tests.ingest.conftest import KEY

OSLO = ZoneInfo("Europe/Oslo")


async def test_hours_that_cannot_be_read_again_promise_nobody_after_their_end() -> None:
    """What was found when they were last read is of before the watch ended."""
    away = Database("postgresql://nobody@127.0.0.1:1/none", name="away")
    intake = Intake(away, identity.Keys(bytes.fromhex(KEY)), Traffic(away))
    unit, ended = uuid4(), datetime.now(OSLO) - timedelta(minutes=2)
    began = ended - timedelta(hours=2)
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    hours = {"days": days, "from": f"{began:%H:%M}", "to": f"{ended:%H:%M}"}
    intake._hours[unit] = {"zone": "Europe/Oslo", "hours": [hours]}
    intake._watches[unit] = (0.0, Watch(True, ended.astimezone(UTC)))

    watches = await intake._watching("nyre", {unit})

    assert watches[unit].now is False
    assert watches[unit].next is not None
