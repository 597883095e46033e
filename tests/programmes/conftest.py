import shutil
from pathlib import Path

import pytest

from shared import programmes


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of home dialysis that a test may spoil."""
    return Path(shutil.copytree(programmes.SHIPPED / "home_dialysis", tmp_path / "home_dialysis"))
