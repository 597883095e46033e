"""The nurse's page as a function of data, language and the moment: no server, no database."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from services.alerts import page
from services.alerts.page import news2, words, written
from services.alerts.page.spark import spark
from shared.contracts import Code

# Monday 23 November 2026, 07:45 in Norway.
NOW = datetime(2026, 11, 23, 6, 45, 12, tzinfo=UTC)
ALERTS = Path(page.__file__).parent.parent
HOSTILE = "<script>alert('Test')</script> \"Testesen\" onload={x}"


def ago(**spent: float) -> str:
    return (NOW - timedelta(**spent)).isoformat()


def row(number: int = 3, colour: str = "red", **more: Any) -> dict[str, Any]:
    alerts = [
        {
            "id": f"alert-{number}",
            "version": 7,
            "group": "fluid",
            "rule": "HD-1",
            "lane": more.pop("lane", "clinical"),
            "state": more.pop("state", "open"),
            "colour": colour,
            **more.pop("alert", {}),
        }
    ]
    return {
        "patient": {"id": f"p{number}", "name": f"Test Testesen {number:02}", "born": "1952-03-14"},
        "number": f"S-9000{number:02}",
        "unit": {"id": "u1", "name": "Nyre hjemme"},
        "programme": "home-dialysis",
        "colour": colour,
        "emergency": False,
        "technical": False,
        "reason": {"nb": "Vekt +2,4 kg (grense 1,5)", "en": "Weight +2.4 kg (limit 1.5)"},
        "values": [
            {
                "kind": "body_weight",
                "field": "value",
                "value": Decimal("84.7"),
                "ucum": "kg",
                "at": ago(minutes=27),
            }
        ],
        "assignee": None,
        "waiting_since": ago(minutes=27),
        "alerts": alerts if colour != "green" else [],
        **more,
    }


def worklist(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "rows": list(rows),
        "counts": {"red": 4, "yellow": 6, "green": 47, "technical": 6, "quarantined": 2},
        "hidden": {"red": 0},
        "watching": {"now": True, "until": ago(hours=-8), "next": ago(hours=-24)},
        "as_of": NOW.isoformat(),
        "lag_seconds": 0.1,
        "next": None,
        "me": {"id": "s1", "name": "Kari Testsykepleier", "role": "nurse"},
        **more,
    }


def patient(**more: Any) -> dict[str, Any]:
    return {
        "me": {"id": "s1", "name": "Kari Testsykepleier", "role": "nurse"},
        "counts": {"red": 4, "yellow": 6, "green": 47, "technical": 6, "quarantined": 0},
        "watching": {"now": False, "next": ago(hours=-1)},
        "as_of": NOW.isoformat(),
        "patient": {"id": "p3", "name": "Test Testesen 03", "born": "1952-03-14"},
        "number": "S-900003",
        "unit": {"id": "u1", "name": "Nyre hjemme"},
        "programmes": [{"slug": "home-dialysis", "name": "Hjemmedialyse", "version": "1.0"}],
        "assignee": None,
        "spo2_scale": 1,
        "alerts": [],
        "latest": [],
        "readings": [],
        **more,
    }


def alert(**more: Any) -> dict[str, Any]:
    return {
        "id": "alert-3",
        "version": 7,
        "group": "fluid",
        "rule": "HD-1",
        "programme": "home-dialysis",
        "programme_version": "1.0",
        "lane": "clinical",
        "state": "open",
        "colour": "red",
        "reason": {"nb": "Vekt +2,4 kg (grense 1,5)", "en": "Weight +2.4 kg (limit 1.5)"},
        "raised_at": ago(minutes=27),
        "waiting_since": ago(minutes=27),
        "assignee": None,
        "evidence": [
            {
                "kind": "body_weight",
                "field": "value",
                "value": Decimal("84.7"),
                "ucum": "kg",
                "at": ago(minutes=27),
                "limit": Decimal("83.8"),
                "breach": True,
                "entered": "device",
            }
        ],
        "limits": [
            {
                "name": "weight_rise_red",
                "value": Decimal("1.5"),
                "ucum": "kg",
                "default": False,
                "set_at": ago(days=5),
                "set_by": "Dr. Eksempel",
                "before": Decimal("2.5"),
            }
        ],
        "history": [{"at": ago(minutes=27), "what": "raise", "colour": "red"}],
        **more,
    }


def partial() -> dict[str, Any]:
    return {
        "total": None,
        "complete": False,
        "lower_bound": 5,
        "upper_bound": 11,
        "subscores": {
            "spo2": 3,
            "supplemental_oxygen": 0,
            "systolic_bp": 0,
            "pulse": 2,
            "temperature": 0,
        },
        "any_single_3": True,
        "band": None,
        "lowest_band": "medium",
        "missing": ["respiratory_rate", "consciousness"],
        "at": ago(minutes=23),
        "inputs": {"spo2": {"value": Decimal(91), "at": ago(minutes=23)}},
    }


def html(template: str, view: dict[str, Any]) -> str:
    return page.render(template, view)


def list_html(*rows: dict[str, Any], lang: str = "nb", **more: Any) -> str:
    return html("worklist.html", page.worklist_view(worklist(*rows, **more), lang, NOW))


def patient_html(lang: str = "nb", **more: Any) -> str:
    return html("patient.html", page.patient_view(patient(**more), lang, NOW))


def view(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return page.worklist_view(worklist(*rows, **more), "nb", NOW)


def lane(shown: dict[str, Any], key: str) -> dict[str, Any]:
    return next(each for each in shown["lanes"] if each["key"] == key)


def text_of(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup))


# ---- Numbers, times, ages --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "ucum", "nb", "en"),
    [
        (Decimal("84.7"), "kg", "84,7\u00a0kg", "84.7\u00a0kg"),
        (82, "kg", "82,0\u00a0kg", "82.0\u00a0kg"),
        (Decimal("36.90"), "Cel", "36,9\u00a0°C", "36.9\u00a0°C"),
        (91, "%", "91\u00a0%", "91%"),
        (112, "/min", "112/min", "112/min"),
        (1300, "mL", "1\u00a0300\u00a0mL", "1,300\u00a0mL"),
        (Decimal("-0.45"), "kg", "−0,45\u00a0kg", "−0.45\u00a0kg"),
        (Decimal("1.005"), None, "1,01", "1.01"),
    ],
)
def test_a_figure_is_written_as_the_language_writes_it(
    value: Decimal, ucum: str | None, nb: str, en: str
) -> None:
    assert written.quantity(value, ucum, "nb") == nb
    assert written.quantity(value, ucum, "en") == en


@pytest.mark.parametrize(
    ("spent", "nb"),
    [
        (timedelta(minutes=27), "07:18"),
        (timedelta(hours=13), "i går 18:45"),
        (timedelta(days=2), "lør 07:45"),
        (timedelta(days=7), "16.11 07:45"),
        (timedelta(days=400), "19.10.2025 08:45"),  # summer time then
        (timedelta(hours=-24), "i morgen 07:45"),
    ],
)
def test_a_moment_says_the_clock_in_norway_and_the_day_when_it_is_not_today(
    spent: timedelta, nb: str
) -> None:
    assert written.clock(NOW - spent, NOW, words.words("nb"), "nb") == nb


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(written.TimeHasNoZone):
        written.moment("2026-11-23T07:45:00")


@pytest.mark.parametrize(
    ("minutes", "age", "wait"),
    [
        (0, "0 min", "0 min"),
        (59, "59 min", "59 min"),
        (101, "101 min", "1 t 41"),
        (119, "119 min", "1 t 59"),
        (120, "2 t", "2 t"),
        (695, "11 t", "11 t 35"),
        (780, "13 t", "13 t"),
        (60 * 47, "47 t", "47 t"),
        (60 * 48, "2 d", "2 d"),
    ],
)
def test_ages_and_waits_count_in_the_steps_people_use(minutes: int, age: str, wait: str) -> None:
    since = NOW - timedelta(minutes=minutes)
    assert written.age(since, NOW, words.words("nb")) == age
    assert written.wait(since, NOW, words.words("nb")) == wait


@pytest.mark.parametrize(
    ("born", "years"),
    [("1952-03-14", 74), ("1952-11-23", 74), ("1952-11-24", 73), ("2024-02-29", 2)],
)
def test_the_age_is_in_whole_years(born: str, years: int) -> None:
    assert written.years(born, NOW) == years


# ---- The list --------------------------------------------------------------------------------


def test_a_row_says_who_by_name_birth_date_age_and_number() -> None:
    said = text_of(list_html(row()))

    assert "Test Testesen 03" in said
    assert "14.03.1952 · 74 år · S-900003" in said


def test_a_patient_without_name_or_birth_date_still_has_a_row() -> None:
    said = text_of(list_html(row(patient={"id": "p3", "name": "", "born": None})))

    assert "Uten navn" in said
    assert "ukjent fødselsdato" in said


def test_every_value_has_its_clock_time_and_its_age() -> None:
    shown = lane(view(row()), "clinical")["rows"][0]["value"]

    assert (shown["text"], shown["clock"], shown["age"]) == ("84,7\u00a0kg", "07:18", "27 min")
    assert 'data-age="2026-11-23T06:18:12Z"' in list_html(row())


def test_the_newest_value_is_shown_and_the_series_own_value_when_there_is_a_series() -> None:
    weight = row()["values"][0]
    oxygen = {"kind": "spo2", "field": "value", "value": 91, "ucum": "%", "at": ago(minutes=5)}

    newest = lane(view(row(values=[weight, oxygen])), "clinical")["rows"][0]["value"]
    of_series = lane(view(row(values=[oxygen, weight], spark_kind="body_weight")), "clinical")

    assert newest["text"] == "91\u00a0%"
    assert of_series["rows"][0]["value"]["text"] == "84,7\u00a0kg"


def test_systolic_and_diastolic_are_one_figure() -> None:
    pressure = [
        {"kind": "blood_pressure", "field": field, "value": value, "ucum": "mm[Hg]", "at": at}
        for field, value in (("systolic", 168), ("diastolic", 94))
        for at in [ago(minutes=36)]
    ]

    assert lane(view(row(values=pressure)), "clinical")["rows"][0]["value"]["text"] == "168/94"


def test_an_old_value_is_greyed_as_well_as_dated() -> None:
    value = {**row()["values"][0], "at": ago(hours=30)}

    shown = lane(view(row(values=[value])), "clinical")["rows"][0]["value"]

    assert shown["old"]
    assert shown["clock"] == "i går 01:45"


@pytest.mark.parametrize(
    ("colour", "word", "icon"), [("red", "Rød", "i-red"), ("yellow", "Gul", "i-yellow")]
)
def test_a_colour_always_has_its_shape_and_its_word(colour: str, word: str, icon: str) -> None:
    cell = re.search(r'<div class="c-st.*?</div>', list_html(row(colour=colour)), re.S)

    assert cell is not None
    assert f"#{icon}" in cell[0]
    assert f"<b>{word}</b>" in cell[0]


def test_silence_has_its_own_word_and_names_its_cause() -> None:
    silent = row(22, "yellow", lane="technical", technical=True, cause="device")

    said = text_of(list_html(silent))

    assert lane(view(silent), "technical")["rows"][0]["word"] == "Taus"
    assert "Årsak: utstyr" in said
    assert "Årsak: ukjent" in text_of(list_html({**silent, "cause": None}))


def test_a_red_technical_row_stays_red() -> None:
    failed = row(22, "red", lane="technical", technical=True, cause="us")

    assert lane(view(failed), "technical")["rows"][0]["tone"] == "red"


def test_green_patients_have_rows() -> None:
    markup = list_html(row(), row(60, "green", reason=None))

    assert "Test Testesen 60" in markup
    assert 'data-green="p60"' in markup


def test_only_greens_can_be_taken_together() -> None:
    markup = list_html(
        row(3, "red"),
        row(31, "yellow"),
        row(22, "yellow", lane="technical", technical=True),
        row(42, "yellow", alert={"snoozed_until": ago(hours=-2)}),
        row(60, "green", reason=None),
        row(61, "green", reason=None, seen_at=ago(minutes=2)),
    )

    assert re.findall(r'data-green="(\w+)"', markup) == ["p60"]
    assert "Kvitter 1 grønn " in text_of(markup)


def test_a_green_that_was_seen_today_says_by_whom_and_a_new_value_inside_does_not_undo_it() -> None:
    by = {"at": ago(minutes=40), "by": {"id": "k", "name": "Kari T."}}
    newer = row(60, "green", reason=None, seen_at=ago(minutes=40), reviewed=by)
    yesterday = row(61, "green", reason=None, seen_at=ago(hours=30), reviewed=by)

    shown = {one["person"]["name"]: one for one in lane(view(newer, yesterday), "done")["rows"]}
    assert [one["seen"] for one in shown.values()] == [True, False]
    assert [bool(one["seen_by"]) for one in shown.values()] == [True, False]


def test_green_says_what_was_measured_and_never_that_all_is_well() -> None:
    said = text_of(list_html(row(60, "green", reason=None), row(61, "green", values=[])))

    assert "Ingenting utenfor avtalte grenser er målt." in said
    assert "1 har ingen måling ennå." in said


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_no_text_praises_or_reassures(lang: str) -> None:
    praise = re.compile(
        r"alt (er )?bra|flott|supert|all (is )?well|great|good job|no worries", re.I
    )

    said = json.dumps(words.words(lang), ensure_ascii=False)

    assert not praise.search(said)


def test_reds_come_first_and_emergencies_before_other_reds() -> None:
    shown = view(row(1, "yellow"), row(2, "red"), row(3, "red", emergency=True))

    names = [each["person"]["name"] for each in lane(shown, "clinical")["rows"]]
    assert names == ["Test Testesen 03", "Test Testesen 02", "Test Testesen 01"]


@pytest.mark.parametrize("colour", ["red", "yellow"])
def test_an_open_alert_is_never_folded_away(colour: str) -> None:
    paused = row(3, colour, paused={"until": ago(hours=-48), "reason": "Innlagt"})
    no_alerts = row(4, colour) | {"alerts": []}
    green_by_mistake = row(5, colour) | {"colour": "green"}

    shown = view(paused, no_alerts, green_by_mistake)

    assert len(lane(shown, "clinical")["rows"]) == 3
    assert lane(shown, "clinical")["rows"][2]["tone"] == colour


def test_a_snoozed_row_says_until_when_and_comes_back_when_the_time_is_over() -> None:
    snoozed = row(42, "yellow", waiting_since=None, alert={"snoozed_until": ago(hours=-4)})
    over = row(43, "yellow", alert={"snoozed_until": ago(minutes=1)})

    shown = view(snoozed, over)

    assert lane(shown, "paused")["rows"][0]["waited"]["text"] == "til 11:45"
    assert [each["person"]["name"] for each in lane(shown, "clinical")["rows"]] == [
        "Test Testesen 43"
    ]


def test_the_reason_is_that_of_the_alert_a_key_acts_on() -> None:
    weight = {"id": "w", "lane": "clinical", "state": "acknowledged", "colour": "red"}
    weight |= {"version": 3, "reason": {"nb": "Vekt +2,4 kg"}, "snoozed_until": ago(hours=-8)}
    battery = {"id": "b", "lane": "technical", "state": "open", "colour": "yellow"}
    battery |= {"version": 5, "reason": {"nb": "Batteri 4 %"}}
    both = row(reason={"nb": "Vekt +2,4 kg"}, reason_alert="w") | {"alerts": [weight, battery]}

    shown = lane(view(both), "technical")["rows"][0]

    assert (shown["reason"], shown["alert"]["id"]) == ("Batteri 4 %", "b")
    assert shown["also"] == ["Vekt +2,4 kg (utsatt til 15:45)"]
    assert shown["tone"] == "red"


def two(first: str, second: str, **more: Any) -> dict[str, Any]:
    """A row with a red, which its reason speaks of, and a yellow."""
    red = {"id": "r", "lane": "clinical", "state": first, "colour": "red", "version": 3}
    red |= {"reason": {"nb": "Vekt +2,4 kg"}}
    yellow = {"id": "y", "lane": "clinical", "state": second, "colour": "yellow", "version": 5}
    yellow |= {"reason": {"nb": "NEWS2 3"}, "late": True, **more}
    return row(reason={"nb": "Vekt +2,4 kg"}, reason_alert="r") | {"alerts": [red, yellow]}


def test_a_yellow_beside_an_acknowledged_red_has_a_line_of_its_own_that_the_keys_find() -> None:
    shown = view(two("acknowledged", "open"))

    [one] = lane(shown, "clinical")["rows"]
    assert (one["tone"], one["reason"], one["alert"]["id"]) == ("red", "Vekt +2,4 kg", "r")
    [line] = one["lines"]
    assert (line["word"], line["icon"], line["id"], line["state"]) == ("Gul", "yellow", "y", "open")
    assert line["text"] == "NEWS2 3 · kom for sent"
    assert one["also"] == []
    assert "1 varsel uten kvittering" in lane(shown, "clinical")["sub"]
    markup = list_html(two("acknowledged", "open"))
    assert 'class="line" data-alert="y" data-version="5"' in markup
    assert 'data-alert="r" data-version="3" data-colour="red" data-state="acknowledged"' in markup


def test_what_somebody_has_acknowledged_is_told_in_the_second_line_only() -> None:
    shown = view(two("open", "acknowledged"))

    [one] = lane(shown, "clinical")["rows"]
    assert (one["lines"], one["also"]) == ([], ["NEWS2 3"])
    assert "1 varsel uten kvittering" in lane(shown, "clinical")["sub"]


def test_a_technical_alert_beside_a_red_is_silent_by_shape_and_word() -> None:
    [one] = lane(view(two("acknowledged", "open", lane="technical")), "clinical")["rows"]

    assert [(line["word"], line["icon"]) for line in one["lines"]] == [("Taus", "silent")]


def test_an_acknowledged_red_with_an_old_yellow_stands_below_an_open_red() -> None:
    old = two("acknowledged", "open") | {"waiting_since": ago(hours=5)}

    shown = lane(view(old, row(44)), "clinical")["rows"]

    assert [one["alert"]["state"] for one in shown] == ["open", "acknowledged"]


def test_reds_outside_the_filter_are_counted_and_each_is_named() -> None:
    hidden = [
        {**row(n), "waiting_since": ago(minutes=n), "reason": f"temp 38,{n}"} for n in (52, 53)
    ]

    markup = list_html(row(), hidden={"red": 2}, hidden_rows=hidden, query={"programme": "x"})

    assert "2 røde utenfor filteret" in text_of(markup)
    assert "Test Testesen 52 · S-900052" in text_of(markup).replace(" ·", " ·")
    assert "Test Testesen 53" in markup
    assert 'href="/?colour=red"' in markup


def test_hidden_reds_are_counted_even_when_nobody_gave_their_names() -> None:
    assert "1 rød utenfor filteret" in text_of(list_html(hidden={"red": 1}))


def test_the_red_count_of_the_whole_unit_is_in_the_title_and_on_top() -> None:
    markup = list_html(row(31, "yellow"))

    assert "<title>(4 røde) Arbeidsliste · Hjemvakt</title>" in markup
    assert '<div class="n red">' in markup


def test_what_is_in_quarantine_is_on_top_with_its_age() -> None:
    assert "2 i karantene, eldste 3 t" in text_of(list_html(quarantine_oldest=ago(hours=3)))


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_every_reason_for_quarantine_has_its_words(lang: str) -> None:
    assert set(words.words(lang)["quarantine"]) == {str(one) for one in Code}


def test_green_with_something_in_quarantine_is_counted_where_it_stands() -> None:
    held = {"n": 2, "oldest": ago(hours=3), "codes": ["implausible", "bad-time"]}
    green = row(5, "green", technical=True, quarantined=held, reason=None, waiting_since=None)
    counts = {"red": 0, "yellow": 0, "green": 5, "technical": 1, "only_quarantined": 1}

    shown = view(green, counts={**counts, "quarantined": 2})

    (one,) = lane(shown, "technical")["rows"]
    assert (one["word"], one["cause"], one["waited"]["text"]) == ("Teknisk", None, "3 t")
    assert one["reason"].startswith("2 målinger kunne ikke brukes og ligger i karantene. En verdi")
    assert [each["n"] for each in shown["counts"] if each["key"] == "green"] == [4]


def test_data_is_complete_to_as_of_less_the_lag() -> None:
    shown = view(lag_seconds=180)["fresh"]

    assert shown["complete"] == "Data komplett til 07:42"
    assert "180 s bak" in shown["line"]


def test_who_watches_now_and_next_is_said() -> None:
    on = view(
        watching={"now": True, "until": ago(hours=-8), "next": ago(hours=-8), "who": ["Kari"]}
    )
    off = view(watching={"now": False, "next": ago(hours=-24)})
    never = view(watching={"now": False, "next": None})

    assert (on["watch"]["lead"], on["watch"]["who"]) == ("Følger med nå:", "Kari")
    assert on["watch"]["until"] == "til 15:45"
    assert off["watch"]["lead"] == "Ingen følger med nå"
    assert off["watch"]["next"] == "neste vakt i morgen 07:45"
    assert never["watch"]["next"] == "ingen vakt er satt opp"


def test_a_list_in_parts_says_so_and_leads_on() -> None:
    markup = list_html(row(), next="abc", query={"unit": "u1"})

    assert "Listen er delt" in markup
    assert 'href="/?unit=u1&amp;cursor=abc"' in markup


def test_an_empty_filter_is_not_an_empty_unit() -> None:
    assert "Ingen pasienter i dette filteret" in list_html(query={"programme": "x"})
    assert "Ingen pasienter i listen" in list_html()


def test_five_hundred_rows_are_five_hundred_rows() -> None:
    many = [row(n, "red" if n % 5 == 0 else "green") for n in range(500)]

    assert list_html(*many).count('class="row ') == 500


def test_the_page_speaks_english_when_asked() -> None:
    markup = list_html(row(), lang="en")

    assert '<html lang="en"' in markup
    assert "Weight +2.4 kg (limit 1.5)" in markup
    assert "14 Mar 1952 · 74 y" in markup


# ---- NEWS2 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("total", [None, 5])
def test_a_partial_news2_is_never_shown_as_a_total(total: int | None) -> None:
    score = {**partial(), "total": total}

    markup = list_html(row(news2=score)) + patient_html(news2=score, alerts=[alert(news2=score)])

    assert "NEWS2 minst 5 (5 av 7 mål)" in markup
    assert not re.search(r"NEWS2 5\b", text_of(markup))
    assert "NEWS2 minst 5, høyst 11" in markup
    assert "Manglende mål teller aldri 0." in markup


def test_a_score_that_calls_itself_complete_is_not_when_a_measure_is_missing() -> None:
    shown = news2.news2({**partial(), "total": 5, "complete": True}, NOW, "nb")

    assert shown is not None
    assert shown["short"] == "minst 5"


def test_a_complete_news2_is_a_total() -> None:
    subscores = dict.fromkeys(news2.PARTS, 1)
    score = {
        **partial(),
        "total": 7,
        "complete": True,
        "missing": [],
        "subscores": subscores,
        "band": "high",
    }

    shown = news2.news2(score, NOW, "nb")

    assert shown is not None
    assert (shown["line"], shown["band"]) == ("NEWS2 7", "høy")


def test_a_missing_measure_shows_what_it_could_be_worth() -> None:
    shown = news2.news2(partial(), NOW, "nb")

    assert shown is not None
    missing = [part for part in shown["parts"] if part["tone"] == "missing"]
    assert [(part["name"], part["value"], part["points"]) for part in missing] == [
        ("Pustefrekvens", "mangler", "0–3"),
        ("Bevissthet", "mangler", "0–3"),
    ]


def test_nothing_measured_is_not_a_score_of_zero() -> None:
    score = {**partial(), "lower_bound": 0, "missing": list(news2.PARTS), "subscores": {}}

    shown = news2.news2(score, NOW, "nb")

    assert shown is not None
    assert shown["line"] == "NEWS2 ikke beregnet (0 av 7 mål)"


def test_a_score_of_at_least_nothing_does_not_fill_the_list() -> None:
    score = {**partial(), "lower_bound": 0, "missing": list(news2.PARTS), "subscores": {}}

    assert "NEWS2" not in text_of(list_html(row(news2=score)))


def test_an_expired_score_is_not_on_the_list_and_says_so_on_the_patient() -> None:
    score = {**partial(), "expired": True}

    assert "NEWS2" not in text_of(list_html(row(news2=score)))
    assert "Utløpt: mål på nytt" in patient_html(news2=score)


# ---- The small drawing -----------------------------------------------------------------------


def test_the_drawing_breaks_where_a_reading_was_expected_and_did_not_come() -> None:
    series = [[ago(days=n), 82 + n % 2] for n in (5, 4, 2, 1)]

    whole = spark({"spark": series}, NOW, "nb")
    broken = spark({"spark": series, "spark_missing": [ago(days=3)]}, NOW, "nb")

    assert whole is not None
    assert broken is not None
    assert whole["path"].count("M") == 1
    assert broken["path"].count("M") == 2
    assert len(broken["missing"]) == 1


def test_a_breach_keeps_its_mark_however_dense_the_series() -> None:
    series = [[ago(hours=n), 70] for n in range(1, 300)]
    series[150][1] = 130

    shown = spark({"spark": series, "spark_limits": [None, 110], "colour": "red"}, NOW, "nb")

    assert shown is not None
    assert len(shown["breaches"]) == 1
    assert shown["path"].count("L") < 130


def test_the_last_point_is_coloured_only_outside_its_limits() -> None:
    inside = spark(
        {"spark": [[ago(days=1), 83]], "spark_limits": [82, 84], "colour": "red"}, NOW, "nb"
    )
    outside = spark(
        {"spark": [[ago(days=1), 85]], "spark_limits": [82, 84], "colour": "red"}, NOW, "nb"
    )

    assert inside is not None
    assert outside is not None
    assert (inside["last"]["tone"], outside["last"]["tone"]) == ("", "red")
    assert outside["label"].endswith("siste 85, over grense 84")


def test_no_points_no_drawing() -> None:
    assert spark({"spark": []}, NOW, "nb") is None
    assert "Ingen serie" in list_html(row())


# ---- The patient -----------------------------------------------------------------------------


def test_an_alert_shows_what_it_rests_on_with_age_source_rule_and_own_limit() -> None:
    said = text_of(patient_html(alerts=[alert()]))

    assert "Vekt 84,7 kg 83,8 07:18 27 min utstyr" in said.replace("\u00a0", " ")
    assert "home-dialysis, versjon 1.0" in said
    assert "Egen grense, satt 18.11 av Dr. Eksempel (før: 2,5 kg)" in said.replace("\u00a0", " ")
    assert "Varsel reist: rød" in said


def test_every_form_that_acts_names_the_patient_with_two_identifiers() -> None:
    markup = patient_html(alerts=[alert()], earlier=[alert(id="old", state="closed")])

    sheets = re.findall(r'<div class="sheet">(.*?)</form>', markup, re.S)
    acting = [sheet for sheet in sheets if "/alerts/" in sheet]
    assert acting
    assert all("Test Testesen 03" in sheet and "S-900003" in sheet for sheet in acting)


def test_a_move_carries_the_version_that_was_seen() -> None:
    markup = patient_html(alerts=[alert()])

    moves = re.findall(r'action="/patients/p3/alerts/alert-3/moves">(.*?)</form>', markup, re.S)
    assert len(moves) >= 5
    assert all('name="version" value="7"' in form for form in moves)


def test_only_moves_that_are_allowed_are_offered() -> None:
    markup = patient_html(alerts=[alert(moves=["note"])])

    assert re.findall(r'name="move" value="(\w+)"', markup) == ["note"]


def test_late_and_changed_basis_are_sentences_on_the_alert() -> None:
    markup = patient_html(alerts=[alert(late=True, basis_changed=True, measured_at=ago(hours=3))])

    assert "Kom for sent: målt 04:45" in markup
    assert "Grunnlaget er endret" in markup


def test_after_somebody_else_was_quicker_the_page_says_so_and_keeps_the_note() -> None:
    markup = patient_html(
        alerts=[alert()],
        moved={"alert": "alert-3", "by": "Ida T."},
        draft={"alert": "alert-3", "move": "snooze", "note": "Ringt, ikke svar"},
    )

    assert "Endret av Ida T." in markup
    assert "Ingenting av det du gjorde ble lagret." in markup
    assert "Ringt, ikke svar</textarea>" in markup


def test_a_voided_reading_stays_in_the_table_and_cannot_be_corrected() -> None:
    reading = {
        "fact": "f1",
        "kind": "body_weight",
        "values": {"value": Decimal("182.3")},
        "at": ago(hours=2),
        "entered": "manual",
        "status": "voided",
    }

    markup = patient_html(readings=[reading], reading="f1")

    assert "182,3" in markup
    assert "annullert" in markup
    assert "/readings/f1/correct" not in markup


def test_forms_for_readings_start_empty() -> None:
    reading = {
        "fact": "f1",
        "kind": "body_weight",
        "values": {"value": Decimal("84.7")},
        "at": ago(hours=2),
        "entered": "manual",
    }

    markup = patient_html(readings=[reading], reading="f1")

    fields = re.findall(r'<input name="values\.\w+"[^>]*>', markup)
    assert len(fields) >= 8
    assert not any(" value=" in each for each in fields)
    assert 'action="/patients/p3/readings/f1/correct"' in markup


def test_a_patient_without_anything_has_a_page() -> None:
    said = text_of(patient_html())

    assert "Ingen åpne varsler" in said
    assert "Ingen målinger ennå" in said
    assert "Ikke noe utstyr er bundet" in said


def test_the_curves_keep_gaps_and_old_limits() -> None:
    change = ago(days=5)
    data = {
        "days": 14,
        "series": [
            {
                "kind": "body_weight",
                "field": "value",
                "ucum": "kg",
                "points": [
                    [ago(days=20), 80],
                    [ago(days=2), Decimal("82.3"), "post"],
                    [ago(days=1), 83],
                ],
                "limits": [
                    {"low": None, "high": 84.8, "to": change},
                    {"low": None, "high": 83.8, "from": change},
                ],
                "missed": [ago(days=3), ago(days=30)],
            },
            {
                "kind": "blood_pressure",
                "field": "diastolic",
                "ucum": "mm[Hg]",
                "points": [[ago(days=1), 94]],
                "limits": [],
            },
            {
                "kind": "blood_pressure",
                "field": "systolic",
                "ucum": "mm[Hg]",
                "points": [[ago(days=1), 168]],
                "limits": [],
            },
        ],
        "events": [
            {"at": change, "what": "limit", "text": {"nb": "Grense 84,8 → 83,8", "en": "x"}}
        ],
    }

    drawn = page.chart_view(data, "nb", NOW)

    weight, pressure = drawn["charts"]
    assert weight["values"] == [82.3, 83.0]
    assert weight["after"] == [True, False]
    assert len(weight["missed"]) == 1
    assert weight["limits"][0]["to"] == weight["limits"][1]["from"]
    assert (pressure["values"], pressure["lows"]) == ([168.0], [94.0])
    assert pressure["latest"]["text"] == "168/94"
    json.dumps(drawn)


# ---- Safe and usable markup ------------------------------------------------------------------


def everything(lang: str = "nb") -> dict[str, str]:
    hostile = {"id": "p3", "name": HOSTILE, "born": "1952-03-14"}
    staff = [{"id": "s1", "name": HOSTILE}, {"id": "s2", "name": "Ida Test"}]
    reading = {
        "fact": "f1",
        "kind": "body_weight",
        "values": {"value": Decimal("84.7")},
        "at": ago(hours=2),
        "entered": "manual",
        "note": HOSTILE,
    }
    nasty = alert(
        reason=HOSTILE,
        also=HOSTILE,
        history=[{"at": ago(hours=1), "what": "note", "note": HOSTILE}],
    )
    shown = worklist(
        row(
            patient=hostile,
            reason=HOSTILE,
            also=HOSTILE,
            news2=partial(),
            spark=[[ago(days=1), 82]],
        ),
        row(60, "green"),
        hidden={"red": 1},
        hidden_rows=[row(patient=hostile, reason=HOSTILE)],
        staff=staff,
        csrf="token",
        units=[{"id": "u1", "name": HOSTILE}, {"id": "u2", "name": "B"}],
        unit={"id": "u1", "name": HOSTILE},
        filters=[
            {"key": "all", "count": 2},
            {"key": "programme", "value": HOSTILE, "name": HOSTILE},
        ],
        platform=[
            {
                "name": HOSTILE,
                "cause": "portal",
                "patients": 4,
                "reason": HOSTILE,
                "since": ago(hours=2),
            }
        ],
    )
    details = patient(
        patient=hostile,
        alerts=[nasty],
        earlier=[alert(id="old", state="closed", reason=HOSTILE)],
        readings=[reading],
        reading="f1",
        notes=[{"at": ago(hours=1), "by": HOSTILE, "note": HOSTILE}],
        devices=[{"name": HOSTILE, "bound_at": ago(days=9), "battery": 14}],
        answers=[
            {"name": HOSTILE, "at": ago(hours=9), "items": [{"label": HOSTILE, "value": HOSTILE}]}
        ],
        news2=partial(),
        moved={"alert": "alert-3", "by": HOSTILE},
        draft={"note": HOSTILE},
        problem=HOSTILE,
        staff=staff,
        csrf="token",
    )
    people = [{"id": "s1", "name": HOSTILE, "role": "nurse", "unit": HOSTILE}]
    fault = {"status": 404, "code": "not-found", "request_id": "abc"}
    return {
        "worklist": html("worklist.html", page.worklist_view(shown, lang, NOW)),
        "rows": html("rows.html", page.worklist_view(shown, lang, NOW)),
        "patient": html("patient.html", page.patient_view(details, lang, NOW)),
        "login": html("login.html", page.login_view({"people": people, "csrf": "token"}, lang)),
        "error": html("error.html", page.error_view(fault, lang, NOW)),
    }


class Markup(HTMLParser):
    """Collects what a content security policy without unsafe-inline would block, and labels."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.posts = 0
        self.tokens = 0
        self._labels = 0
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.faults += [name for name, _ in attrs if name == "style" or name.startswith("on")]
        self.faults += [
            f"{name}={value}"
            for name, value in attrs
            if (value or "").strip().lower().startswith("javascript:")
        ]
        if tag in ("style", "base", "iframe", "object", "embed"):
            self.faults.append(tag)
        if tag == "script":
            self._script = True
            if not (given.get("src") or "").startswith("/static/"):
                self.faults.append("inline script")
        if tag in ("link", "img", "script") and "//" in (
            given.get("href") or given.get("src") or ""
        ):
            self.faults.append("third party")
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "form" and given.get("method") == "post":
            self.posts += 1
        if given.get("name") == "csrf" and tag == "input":
            self.tokens += 1
        self._labels += tag == "label"
        hidden = given.get("type") == "hidden"
        if tag in ("input", "select", "textarea") and not hidden and not self._labels:
            self.faults.append(f"{tag} without label")

    def handle_endtag(self, tag: str) -> None:
        self._labels -= tag == "label"
        self._script = self._script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.faults.append("inline script")


def parsed(markup: str) -> Markup:
    reader = Markup()
    reader.feed(markup)
    return reader


@pytest.mark.parametrize("name", ["worklist", "rows", "patient", "login", "error"])
def test_hostile_names_are_text_and_nothing_inline_is_left_for_the_policy_to_block(
    name: str,
) -> None:
    markup = everything()[name]

    assert parsed(markup).faults == []
    assert "<script>alert" not in markup


@pytest.mark.parametrize("name", ["worklist", "patient", "login"])
def test_every_form_that_posts_carries_the_request_token(name: str) -> None:
    reader = parsed(everything()[name])

    assert reader.posts == reader.tokens > 0


@pytest.mark.parametrize("name", ["worklist", "patient", "login", "error"])
def test_no_id_is_used_twice(name: str) -> None:
    ids = parsed(everything()[name]).ids

    assert len(ids) == len(set(ids))


def test_the_templates_hold_no_style_no_script_and_no_handler() -> None:
    for template in sorted((ALERTS / "templates").glob("*.html")):
        source = template.read_text("utf-8")
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|\|\s*safe\b", source), template.name
        assert not re.search(r"<script(?![^>]*\ssrc=)", source), template.name


def test_no_script_makes_code_or_markup_out_of_text() -> None:
    for script in sorted((ALERTS / "static").glob("*.js")):
        source = script.read_text("utf-8")
        assert not re.search(
            r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", source
        ), script.name


def test_both_languages_have_the_same_words() -> None:
    def keys(of: Any, at: str = "") -> set[str]:
        if not isinstance(of, dict):
            return {at}
        return {key for name, part in of.items() for key in keys(part, f"{at}.{name}")}

    nb, en = (words.words(lang) for lang in ("nb", "en"))
    # Kinds are overrides of the catalogue's names, needed in one language and not in the other.
    assert keys({k: v for k, v in nb.items() if k != "kinds"}) == keys(
        {k: v for k, v in en.items() if k != "kinds"}
    )


def test_both_languages_fill_the_same_places() -> None:
    def places(of: Any, at: str = "") -> dict[str, set[str]]:
        if isinstance(of, str):
            return {at: set(re.findall(r"\{(\w+)\}", of))}
        if not isinstance(of, dict):
            return {}
        return {k: v for name, part in of.items() for k, v in places(part, f"{at}.{name}").items()}

    nb, en = places(words.words("nb")), places(words.words("en"))
    assert {k: v for k, v in nb.items() if k in en and en[k] != v} == {}


@pytest.mark.parametrize("name", ["worklist", "rows", "patient", "login", "error"])
def test_every_template_is_complete_in_english(name: str) -> None:
    assert everything("en")[name]


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_no_word_of_the_page_hides_behind_what_a_mapping_can_do(lang: str) -> None:
    """`t.list.values` in a template is the method, not the word."""

    def keys(part: object) -> list[str]:
        if not isinstance(part, dict):
            return []
        return [*part, *(key for each in part.values() for key in keys(each))]

    assert not set(keys(dict(words.words(lang)))) & set(dir(dict))


# --- why nothing comes of somebody ------------------------------------------------------------


def test_a_green_behind_a_silent_portal_is_not_among_the_greens() -> None:
    silence = {"alert": "quiet", "portal": "c-portal", "since": ago(hours=2)}
    markup = list_html(row(4, "green", behind=silence, reason=None), row(5, "green"))

    technical, greens = markup.split('id="lane-done"')
    assert 'id="row-p4-u1"' in technical
    assert "Årsak: portal" in technical
    assert "Ventet 05:45 og ikke kommet. Portalen er stille" in technical
    assert 'id="row-p4-u1"' not in greens
    assert "1 grønn" in greens


def test_the_counts_above_agree_with_where_those_behind_a_silence_stand() -> None:
    counts = {"red": 0, "yellow": 0, "green": 9, "technical": 2, "quarantined": 0, "only_behind": 3}
    markup = list_html(row(4, "green"), counts=counts)

    assert re.search(r'class="n green".*?<dd>6</dd>', markup, re.DOTALL)
    assert re.search(r'class="n technical".*?<dd>5</dd>', markup, re.DOTALL)


def test_a_fault_that_is_one_alarm_is_moved_by_keys_and_names_who_is_behind_it() -> None:
    silence = {"alert": "quiet", "portal": "c-portal", "since": ago(hours=2)}
    behind = row(4, "green", behind=silence)
    fault = {
        "name": "Plattformen", "cause": "portal", "patients": 1, "reason": "Ingen hører",
        "since": ago(hours=1), "behind": [behind],
        "alert": {
            "id": "quiet", "version": 3, "state": "open", "colour": "red",
            "moves": ["acknowledge", "note"],
        },
    }  # fmt: skip
    markup = list_html(behind, platform=[fault])

    assert 'data-alert="quiet" data-version="3"' in markup
    assert 'data-moves="acknowledge note"' in markup
    assert '<a class="nm" href="#behind-quiet">Plattformen</a>' in markup
    assert '<li><a href="/patients/p4">Test Testesen 04</a> · S-900004 · siden 05:45</li>' in markup


def test_a_pause_beside_an_alert_says_of_what_kind_and_until_when() -> None:
    paused = {
        "kind": "admission",
        "until": ago(hours=-48),
        "says": {"nb": "Innlagt: post 3", "en": "Admitted: post 3"},
    }

    assert "Innlagt: post 3, til ons 07:45" in list_html(row(paused=paused))
    said = patient_html(paused=paused)
    assert "Innlagt: post 3, til ons 07:45. Ingenting ventes så lenge." in said
    assert "Admitted: post 3, until" in patient_html("en", paused=paused)
    ended = {"kind": "deceased", "until": None, "says": {"nb": "Registrert død", "en": "Dead"}}
    assert "Registrert død. Ingenting ventes, og det som sendes, vurderes ikke." in patient_html(
        paused=ended
    )


@pytest.mark.parametrize(
    ("number", "read"), [("+4799887766", "99 88 77 66"), ("+46701234567", "+46701234567")]
)
def test_a_telephone_number_is_called_from_the_page(number: str, read: str) -> None:
    markup = patient_html(phone=number)

    assert f'<a class="tel" href="tel:{number}">Telefon <b>{read}</b></a>' in markup
    assert "tel:" not in patient_html(phone=None)


def test_an_acknowledged_alert_says_until_when_somebody_has_it_in_hand() -> None:
    ends = {"at": ago(hours=-12), "move": "ack-expired"}
    markup = patient_html(alerts=[alert(state="acknowledged", ends=ends)])

    assert "Kvitteringen gjelder til 19:45. Da varsles det på nytt." in markup
    assert "Kvitteringen" not in patient_html(alerts=[alert(ends=None)])
