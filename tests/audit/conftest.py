"""The record's fixtures, for what it writes about itself."""

from tests.patients.conftest import record as record
from tests.patients.conftest import ward as ward
