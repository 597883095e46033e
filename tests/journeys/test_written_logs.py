"""After all the other journeys: what the system has written about itself."""

from tests.journeys.hospital import Hospital


def test_the_platform_has_found_no_fault_in_itself(hospital: Hospital) -> None:
    rules = [
        alert["rule"]
        for page in hospital.worklist()
        for row in page["rows"]
        for alert in row["alerts"]
    ]

    assert "could-not-be-judged" not in rules
    assert "row-differs" not in rules


def test_the_logs_hold_no_stack_no_name_no_number_and_no_secret(hospital: Hospital) -> None:
    logs = {log.name: log.read_text() for log in (hospital.directory / "logs").glob("*.log")}
    assert {"ingest.log", "patients.log", "alerts.log"} <= set(logs)
    private = ["Test Testesen", hospital.seeded["system"]["secret"]]
    for patient in hospital.seeded["patients"]:
        private += [patient["identifier"]["value"], patient["secret"], patient["token"]]

    for name, text in logs.items():
        assert "Traceback" not in text, name
        assert [word for word in private if word in text] == [], name
