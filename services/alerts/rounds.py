"""A loop over all organisations."""

from abc import abstractmethod

from services.alerts.organisations import Organisations
from shared.database import Database
from shared.loop import Loop


class Rounds(Loop):
    """A loop whose turn is a look at each organisation."""

    def __init__(
        self,
        name: str,
        database: Database,
        *,
        every: float,
        fresh: float,
        share: float = 1.0,
        hears: str | None = None,
    ) -> None:
        super().__init__(name, database, every=every, fresh=fresh, share=share, hears=hears)
        self._organisations = Organisations(database)

    async def turn(self) -> object:
        for org in await self._organisations.all():
            await self.round(org)
        return False

    @abstractmethod
    async def round(self, org: str) -> object:
        """One look at an organisation."""
