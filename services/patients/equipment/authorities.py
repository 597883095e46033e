"""A loop of the record: what the broker knows of devices' certificates follows time and files."""

from datetime import UTC, datetime

from services.patients.equipment import certify, store_certificates
from services.patients.equipment.certify import Certifier
from shared.database import Database
from shared.loop import Loop

# An authority that is taken away must be out within a minute, the broker's own second included.
EVERY = 20.0


class Authorities(Loop):
    """Any replica may do it; one at a time does, organisation by organisation."""

    def __init__(self, database: Database, certifier: Certifier) -> None:
        super().__init__("authorities", database, every=EVERY)
        self._certifier = certifier

    async def turn(self) -> None:
        if self._certifier.folder is None:
            return
        async with self._database.connection() as connection:
            for org in await store_certificates.organisations(connection):
                async with connection.transaction():
                    await certify.keep_up(connection, self._certifier, org, datetime.now(UTC))
