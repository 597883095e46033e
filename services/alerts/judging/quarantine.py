"""Loop: notices when what waits in quarantine of known patients changes. No hand-over tells of it,
and the pages shall show it as live as the rest.
"""

from uuid import UUID

from services.alerts import store_views
from services.alerts.rounds import Rounds
from services.alerts.rows import store_rows
from services.alerts.store_views import Held
from services.alerts.stream import Notifier
from shared.database import Database

TICK = 2.0
SHARE = 0.1  # of the time, however much waits
FRESH = 300.0


class Quarantine(Rounds):
    """Part of the service. Every replica looks: to tell a page twice harms nobody."""

    def __init__(self, database: Database, notifier: Notifier) -> None:
        super().__init__("quarantine", database, every=TICK, fresh=FRESH, share=SHARE)
        self._notifier = notifier
        self._known: dict[str, dict[UUID, Held]] = {}

    async def round(self, org: str) -> set[UUID]:
        """Whose quarantine is another than at the last look; the first look only remembers."""
        async with self._database.connection() as connection:
            held = await store_views.held(connection, org)
            known = self._known.get(org, held)
            patients = [*held.keys() | known.keys()]
            changed = {one for one in patients if held.get(one) != known.get(one)}
            rows = await store_rows.units_of_rows(connection, org, list(changed)) if changed else []
        self._known[org] = held
        units: dict[UUID, set[UUID]] = {}
        for patient_id, unit_id in rows:
            units.setdefault(unit_id, set()).add(patient_id)
        self._notifier.tell(org, units)
        return changed
