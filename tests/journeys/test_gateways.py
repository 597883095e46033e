"""A scale and a CPAP machine that people bought themselves, behind gateways nobody here wrote."""

from datetime import datetime, timedelta
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
    at = device.ago(3600)
    local = at.astimezone(OSLO)
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        at -= timedelta(hours=2)  # which one of the hour that comes twice in October, nobody knows
    local = at.astimezone(OSLO).replace(tzinfo=None)
    sent = {"weight": 84.6, "weight_unit": "kg", "timestamp": f"{local.isoformat()}+00:00"}

    with hospital.device(patient) as gateway:
        for user in ("jo", "jo", "guest"):
            gateway.put(sent, topic=f"gw/{hospital.org}/{patient.cred}/miscale/{user}/weight")

        [reading] = eventually(lambda: hospital.readings(patient))
        assert reading["values"] == {"value": 84.6}
        told = datetime.fromisoformat(reading["at"])
        assert abs(told - at) < timedelta(seconds=1)
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


def test_a_scale_that_announces_itself_is_read_once_a_nurse_has_said_whose_it_is(
    hospital: Hospital,
) -> None:
    patient = hospital.new_patient(bound=False, enrolled=SINCE)
    node = f"bath-{uuid4().hex[:8]}"
    state = f"{node}/sensor/weight/state"
    announced = {
        "dev_cla": "weight", "unit_of_meas": "lb", "name": "Weight", "stat_t": state,
        "uniq_id": f"{node}-weight",
        "dev": {"ids": node, "mf": "Acme", "mdl": "Scale 2", "sn": node},
    }  # fmt: skip

    with hospital.device(patient) as gateway:
        below = f"gw/{hospital.org}/{patient.cred}"
        gateway.put(announced, topic=f"{below}/homeassistant/sensor/{node}/weight/config")
        gateway.put(b"181.0", topic=f"{below}/{state}")

        [held] = eventually(lambda: hospital.quarantined(patient.cred))
        assert held["code"] == "unknown-kind"
        [one] = eventually(lambda: _suggested(hospital, patient.cred))
        assert (one["name"], one["unit"], one["likely"]) == ("Weight", "lb", "body_weight")
        page = hospital.alerts.get(
            f"/v1/connections/intake/{patient.cred}", headers=hospital.administrator
        ).json()
        assert [each["topic"] for each in page["suggestions"]] == [state]
        assert hospital.readings(patient) == []

        taken = hospital.patients.post(
            f"/v1/suggestions/{one['id']}/take",
            json={"patient_id": patient.id, "kind": "body_weight", "from": SINCE},
            headers=hospital.nurse,
        )
        assert taken.status_code == 200, taken.text
        assert _suggested(hospital, patient.cred) == []

        def weighed() -> Any:
            gateway.put(b"182.5", topic=f"{below}/{state}")
            return hospital.readings(patient)

        [reading, *_] = eventually(weighed)
        assert reading["values"] == {"value": 82.780607525}

        # What came before somebody had said whose it is, is read again where it waits.
        again = hospital.patients.post(
            f"/v1/quarantine/{held['id']}/replay", headers=hospital.nurse
        )
        assert again.status_code in (200, 202), again.text
        both = eventually(lambda: _two(hospital.readings(patient)))
        assert {each["values"]["value"] for each in both} >= {82.780607525, 82.10021897}


def _suggested(hospital: Hospital, cred: str) -> Any:
    answer = hospital.patients.get("/v1/suggestions", params={"cred": cred}, headers=hospital.nurse)
    return answer.json()["suggestions"]


def _two(found: Any) -> Any:
    return found if len({each["values"]["value"] for each in found}) > 1 else None
