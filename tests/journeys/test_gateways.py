"""A scale and a CPAP machine that people bought themselves, behind gateways nobody here wrote."""

from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from tests.journeys import device
from tests.journeys.hospital import Hospital, eventually

OSLO = ZoneInfo("Europe/Oslo")
SINCE = device.ago(30 * 86_400).isoformat(timespec="seconds")


def test_a_bought_scale_weighs_whoever_its_gateway_names(hospital: Hospital) -> None:
    patient = hospital.new_patient(bound=False, enrolled=SINCE)
    path = f"/v1/patients/{patient.id}/bindings"
    bound = {"cred": patient.cred, "slot": "jo", "from": SINCE}
    hospital.made(hospital.patients, path, bound, hospital.nurse)
    local = device.ago(3600).astimezone(OSLO).replace(tzinfo=None)
    sent = {"weight": 84.6, "weight_unit": "kg", "timestamp": f"{local.isoformat()}+00:00"}

    with hospital.device(patient) as gateway:
        for user in ("jo", "jo", "guest"):
            gateway.put(sent, topic=f"gw/{hospital.org}/{patient.cred}/miscale/{user}/weight")

        [reading] = eventually(lambda: hospital.readings(patient))
        assert reading["values"] == {"value": 84.6}
        assert reading["at"][:16] == device.ago(3600).isoformat()[:16]
        [held] = eventually(lambda: hospital.quarantined(patient.cred))
        assert held["code"] == "unbound"
        assert len(hospital.readings(patient)) == 1


def test_scalars_of_a_cpap_machine_become_one_night(hospital: Hospital) -> None:
    patient = hospital.new_patient(enrolled=SINCE, since=SINCE)
    machine = f"cpap_{uuid4().hex[:8]}"
    started = device.ago(9 * 3600).isoformat(timespec="seconds")
    told: list[tuple[str, Any]] = [
        ("realtime/session_status", "in_progress"),
        ("realtime/last_session_time", started),
        ("historical/usage_hours", "7.250000"),
        ("historical/ahi", "2.100000"),
        ("historical/leak_p95", "18.000000"),
        ("historical/reras", "2"),
        ("realtime/session_status", "completed"),
    ]

    with hospital.device(patient) as gateway:
        for branch, value in told:
            topic = f"gw/{hospital.org}/{patient.cred}/cpap/{machine}/{branch}"
            gateway.put(str(value).encode(), topic=topic)

        [night] = eventually(lambda: hospital.readings(patient))
        assert night["kind"] == "cpap_night"
        assert (night["values"]["usage"], night["values"]["ahi"]) == (435, 2.1)
        assert hospital.quarantined(patient.cred) == []
