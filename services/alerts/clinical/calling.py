"""The patient's own call for help, and a fall that a watch noticed: red at once, whatever the
programme. Not a safety alarm service: it says so to him.
"""

from collections.abc import Iterator
from datetime import datetime

from services.alerts.clinical import finding
from services.alerts.clinical.finding import Finding
from services.alerts.clinical.history import Record

KIND = ("personal_alarm", "value")
RULE = "personal-alarm"
SAID = {
    "sos": {"nb": "Har utløst trygghetsalarm (SOS)", "en": "Pressed the alarm (SOS)"},
    "fall": {"nb": "Mulig fall, meldt av klokke", "en": "A possible fall, told by the watch"},
}
TOLD = {
    "nb": "Vi har fått alarmen. Ring 113 hvis det haster: det er ikke sikkert at noen ser den nå.",
    "en": "We have your alarm. Ring 113 if it is urgent: perhaps nobody sees it just now.",
}


def findings(record: Record, since: datetime | None) -> Iterator[Finding]:
    for sample in record.series(KIND).all.since(since):
        fact = sample.fact
        if not any(enrolment.covers(sample.at) for enrolment in record.enrolments):
            continue
        yield Finding(
            id=finding.identity(
                record.patient_id, "", RULE, "red", f"{fact.origin or fact.id}|{sample.value}"
            ),
            programme="",
            programme_version="",
            rule=RULE,
            group=RULE,
            colour="red",
            lane="clinical",
            emergency=True,
            at=sample.at,
            facts=(fact.id,),
            values=(),
            limits=(),
            reason=dict(SAID[str(sample.value)]),
            patient_text=dict(TOLD),
        )
