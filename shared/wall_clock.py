"""The clock on the wall: what a day is to patients and staff in Norway.

Every service says days and hours to people, or reads them from messages that name no zone.
"""

from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
