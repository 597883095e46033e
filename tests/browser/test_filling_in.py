"""A form that a nurse fills in for the patient who is on the telephone."""

from datetime import UTC, datetime

from playwright.sync_api import expect

from services.alerts import page
from tests.browser.screen import Screen
from tests.journeys.hospital import Hospital, Patient, eventually

# A hospital's own form: the second question depends on the first.
ASKED = {
    "name": "wound",
    "patient": {"id": "x", "name": "Test Testesen 01", "born": "1961-04-17"},
    "form": {
        "item": [
            {"linkId": "pain", "type": "boolean", "text": "Gjør det vondt?"},
            {
                "linkId": "where",
                "type": "string",
                "text": "Hvor?",
                "required": True,
                "enableWhen": [{"question": "pain", "operator": "=", "answerBoolean": True}],
            },
        ]
    },
}


def test_answers_told_over_the_telephone_are_judged_like_the_patients_own(
    nurse: Screen, hospital: Hospital, patient: Patient
) -> None:
    nurse.open(patient)
    nurse.page.get_by_role("link", name="Daglig skjema, hjemmedialyse").click()
    expect(nurse.page.locator(".about")).to_contain_text("født")
    assert nurse.page.locator("input:checked").count() == 0

    nurse.page.get_by_role("button", name="Lagre svarene").click()
    expect(nurse.page.get_by_role("alert")).to_contain_text("minst ett spørsmål")
    nurse.meant("422")

    effluent = nurse.page.get_by_role("group", name="Hvordan ser dialysevæsken ut")
    effluent.get_by_label("Klar", exact=True).check()
    effluent.get_by_role("button", name="Fjern svaret").click()
    expect(effluent.get_by_label("Klar", exact=True)).not_to_be_checked()
    effluent.get_by_label("Uklar").check()
    exit_site = nurse.page.get_by_role("group", name="Ser du noe av dette ved fistel")
    exit_site.get_by_label("Rødhet").check()
    exit_site.get_by_label("Puss").check()
    nurse.page.get_by_role("button", name="Lagre svarene").click()

    expect(nurse.page.get_by_text("Lagret").first).to_be_visible()
    alert = hospital.alert(patient, "effluent")
    assert alert["colour"] == "red"
    nurse.page.reload()
    nurse.page.get_by_text("Vis svarene").first.click()
    expect(nurse.page.locator(".card.form")).to_contain_text("Uklar")
    expect(nurse.page.locator(".card.form")).to_contain_text("Rødhet, Puss")


def test_what_must_be_answered_is_said_by_the_question_and_what_was_typed_is_kept(
    nurse: Screen, hospital: Hospital
) -> None:
    patient = hospital.new_patient(programme="epilepsy_pro")
    eventually(lambda: hospital.row(patient))
    nurse.page.goto(f"{nurse.address}/patients/{patient.id}/forms/epilepsy-check")
    nurse.page.get_by_label("Hvor mange anfall har du hatt de siste fire ukene?").fill("to")
    nurse.page.get_by_label("Notat").fill("Ringte selv")

    nurse.page.get_by_role("button", name="Lagre svarene").click()

    expect(nurse.page.locator("div.wrong")).to_contain_text("2 svar må rettes")
    expect(nurse.page.locator("#q-seizures .wrong")).to_contain_text("Skriv et tall")
    expect(nurse.page.locator("#q-harm-thoughts .wrong")).to_contain_text("ikke svarer på resten")
    expect(nurse.page.locator("#q-seizures input")).to_have_value("to")
    expect(nurse.page.get_by_label("Notat")).to_have_value("Ringte selv")
    nurse.meant("422")
    nurse.page.get_by_label("Hvor mange anfall har du hatt de siste fire ukene?").fill("2")
    nurse.page.get_by_label("Pasienten vil ikke eller kan ikke svare på resten").check()
    nurse.page.get_by_role("button", name="Lagre svarene").click()
    expect(nurse.page.get_by_text("Lagret").first).to_be_visible()


def test_a_question_that_is_not_asked_is_not_shown_and_not_sent(nurse: Screen) -> None:
    address = f"{nurse.address}/patients/x/forms/wound"
    html = page.render("form.html", page.form_view(ASKED, "nb", datetime.now(UTC)))
    nurse.page.route(address, lambda route: route.fulfill(body=html, content_type="text/html"))
    nurse.page.goto(address)
    where = nurse.page.locator("#q-where")
    expect(where).to_be_hidden()

    nurse.page.get_by_label("Ja", exact=True).check()
    expect(where).to_be_visible()
    where.locator("input").fill("kneet")
    nurse.page.get_by_label("Nei", exact=True).check()

    expect(where).to_be_hidden()
    expect(where.locator("input")).to_be_disabled()  # and so not sent
