"""What stands above the list: the count of what waits in quarantine leads to its desk."""

from services.alerts.page import heading, words


def test_what_waits_in_quarantine_leads_to_its_desk_and_nothing_waiting_leads_nowhere() -> None:
    t = words.words("nb")
    some = heading.counts({"counts": {"red": 1, "quarantined": 3}}, t)
    none = heading.counts({"counts": {"red": 1, "quarantined": 0}}, t)

    assert {one["key"]: one["href"] for one in some} == {
        "red": "", "quarantined": "/setup/quarantine",
    }  # fmt: skip
    assert not any(one["href"] for one in none)
