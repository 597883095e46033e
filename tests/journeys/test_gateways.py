"""A scale and a CPAP machine that people bought themselves, behind gateways nobody here wrote."""

import html
import json
import subprocess
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from tests.journeys import device
from tests.journeys.hospital import COMMAND, Hospital, environment, eventually

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


def test_a_gateway_that_nobody_here_knows_is_added_by_the_hospital_itself(
    hospital: Hospital,
) -> None:
    """From the page and the docs alone: what it sent meanwhile is filed on the right people."""
    jo, kim = (hospital.new_patient(bound=False, enrolled=SINCE) for _ in range(2))
    family = f"acme{uuid4().hex[:6]}"
    weights = {"jo": (81.2, 81.4), "kim": (64.1, 64.3)}
    with hospital.device(jo) as gateway:

        def says(user: str, weight: float) -> None:
            sent = {"scale": {"weight": weight}, "ts": device.ago(weight * 10).isoformat()}
            topic = f"gw/{hospital.org}/{jo.cred}/{family}/{user}/scale"
            gateway.put(sent, topic=topic)

        for user, both in weights.items():
            for weight in both:
                says(user, weight)
        eventually(lambda: len(hospital.quarantined(jo.cred)) == 4)
        for user in weights:
            page = hospital.patients.get(
                "/setup/quarantine", headers=hospital.administrator,
                params={"code": "unknown-kind", "cred": jo.cred,
                        "topic": f"{family}/{user}/scale"},
            ).text  # fmt: skip
            assert str(weights[user][0]) not in page
            row = html.unescape(page.partition("[[gateway]]")[2].partition("</pre>")[0])

        # What the proposal could not know: the unit, and which level of the topic names the user.
        row = row.replace("?", "kg").replace(f"{family}/kim/", f"{family}/{{user}}/")
        own = hospital.directory.parent / "gateways.toml"
        own.write_text(f'[[gateway]]{row}slot = "{{user}}"\n')
        tried = subprocess.run(
            [*COMMAND, "gateways", str(own), "--topic", f"{family}/jo/scale", "--payload",
             json.dumps({"scale": {"weight": 81.2}, "ts": SINCE})],
            capture_output=True, text=True, check=True, env=environment(),
        ).stdout  # fmt: skip
        assert "body_weight: value 81.2 kg" in tried
        assert "slot jo" in tried
        hospital.killed("ingest")  # it reads its tables when it starts
        for slot, person in (("jo", jo), ("kim", kim)):
            bound = {"cred": jo.cred, "slot": slot, "from": SINCE}
            path = f"/v1/patients/{person.id}/bindings"
            hospital.made(hospital.patients, path, bound, hospital.nurse)
        which = {"code": "unknown-kind", "cred": jo.cred}
        asked = hospital.patients.post("/v1/quarantine/replay", json=which, headers=hospital.nurse)
        assert (asked.status_code, asked.json()["replaying"]) == (202, 4)

        for user, person in (("jo", jo), ("kim", kim)):
            eventually(lambda person=person: len(hospital.readings(person)) == 2, 30)
            found = {one["values"]["value"] for one in hospital.readings(person)}
            assert found == set(weights[user])
        assert hospital.quarantined(jo.cred) == []
        eventually(lambda: says("jo", 81.9) or len(hospital.readings(jo)) >= 3, 30)


def _suggested(hospital: Hospital, cred: str) -> Any:
    answer = hospital.patients.get("/v1/suggestions", params={"cred": cred}, headers=hospital.nurse)
    return answer.json()["suggestions"]


def _two(found: Any) -> Any:
    return found if len({each["values"]["value"] for each in found}) > 1 else None
