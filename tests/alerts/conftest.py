from collections.abc import AsyncIterator

import pytest

from tests.alerts import given
from tests.conftest import DatabaseUrls


@pytest.fixture
async def world(database_urls: DatabaseUrls) -> AsyncIterator[given.World]:
    async with given.world(database_urls) as world:
        yield world
