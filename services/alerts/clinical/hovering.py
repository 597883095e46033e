"""Hysteresis: a yellow value that hovers about its limit is one matter a day, not one for each
reading. It is over when a value is at the rule's `clear` or past it.

Looks back no further than the local day, so that what it answers depends on nothing but the facts
of that day, in whatever order they came; and what hovers for weeks is said again each morning.
"""

from services.alerts.clinical import conditions, persisting, schedule
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Pair, Sample, place
from shared.programmes import LimitRule, Programme, SampleRule


def goes_on(
    rule: SampleRule, programme: Programme, record: Record, pair: Pair, sample: Sample
) -> bool:
    """Whether this sample, which is beyond, belongs to what an earlier one of the day began."""
    if not isinstance(rule, LimitRule) or rule.clear is None:
        return False
    today = schedule.local_day(sample.at)
    for one in reversed(pair.sure.between(sample.at - schedule.ONE_DAY, sample.at)):
        if place(one) >= place(sample):
            continue
        if schedule.local_day(one.at) != today or record.enrolled(programme.slug, one.at) is None:
            return False
        if conditions.clears(rule, programme, record, one):
            return False
        if persisting.speaks(rule, programme, record, one) is not None:
            return True
    return False
