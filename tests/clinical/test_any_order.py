"""Findings are a function of facts, limits and now: never of the order in which things arrive,
nor of how much is judged at a time.
"""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.clinical import judge, rules
from services.alerts.clinical.finding import Finding
from services.alerts.clinical.history import Record
from shared.contracts import Fact
from tests.clinical.given import (
    HOME_DIALYSIS,
    NOW,
    PATIENT,
    ago,
    answers,
    decision,
    enrolled,
    fact,
    limit,
    reading,
)

PROGRAMMES = {"home_dialysis": HOME_DIALYSIS}

# Quarters of an hour over six days: coarse, so that equal moments and retakes happen.
moments = st.integers(min_value=0, max_value=6 * 96).map(lambda n: ago(minutes=15 * n))
doubts = st.sampled_from([{}, {}, {}, {"flags": ("clock_suspect",)}, {"precision": "day"}])
phases = st.sampled_from([None, None, {"phase": "pre"}, {"phase": "post"}])


@st.composite
def a_reading(draw: st.DrawFn) -> Fact:
    at: datetime = draw(moments)
    about: dict[str, Any] = {**draw(doubts), "name": str(draw(st.integers(0, 1)))}
    about["after"] = timedelta(minutes=draw(st.sampled_from([0, 0, 45, 6000])))
    kind = draw(st.sampled_from(list(KINDS)))
    if kind == "form":
        return answers(at, **{draw(st.sampled_from(["effluent", "dialysis_done"])): draw(CODES)})
    context = draw(phases)
    if kind == "spo2":
        context = draw(st.sampled_from([None, {"on_oxygen": True}, {"on_oxygen": False}]))
    if kind == "hd_session":
        about["until"] = at + timedelta(hours=4)
    return reading(kind, at, context=context, **about, **draw(KINDS[kind]))


CODES = st.sampled_from(["cloudy", "clear", "missed", "done", "fibrin"])
KINDS: dict[str, Any] = {
    "body_weight": st.fixed_dictionaries({"value": st.integers(790, 850).map(lambda n: n / 10)}),
    "blood_pressure": st.fixed_dictionaries(
        {"systolic": st.sampled_from([85, 105, 120, 150, 165, 185]), "diastolic": st.just(80)}
    ),
    "heart_rate": st.fixed_dictionaries({"value": st.sampled_from([38, 47, 70, 95, 112, 135])}),
    "spo2": st.fixed_dictionaries({"value": st.sampled_from([88, 91, 93, 95, 98])}),
    "body_temp": st.fixed_dictionaries({"value": st.sampled_from([35, 37, 37.8, 38.5])}),
    "hd_session": st.fixed_dictionaries(
        {"weight_pre": st.just(84), "weight_post": st.sampled_from([80, 82])}
    ),
    "pd_treatment": st.fixed_dictionaries({"ultrafiltration": st.just(500)}),
    "form": st.none(),
}


@st.composite
def a_decision(draw: st.DrawFn) -> Fact:
    at: datetime = draw(moments)
    kind = draw(st.sampled_from(["limit", "scale", "pause", "status"]))
    if kind == "limit":
        name = draw(st.sampled_from(["target_weight", "systolic_red_high", "weight_rise_red"]))
        values = {"target_weight": [80, 82], "systolic_red_high": [150, None]}
        value = draw(st.sampled_from(values.get(name, [1, 3, None])))
        return limit(name, value, at, after=timedelta(minutes=draw(st.integers(0, 3))))
    if kind == "scale":
        return decision("spo2-scale-decided", at, scale=draw(st.sampled_from([1, 2])))
    if kind == "pause":
        until = at + timedelta(hours=draw(st.integers(1, 60)))
        return decision("paused", at, pause_id=at.isoformat(), until=until.isoformat())
    state = draw(st.sampled_from(["online", "offline"]))
    return fact(
        "device-event", "device_status", at, {"state": state, "battery": draw(st.integers(0, 30))}
    )


histories = st.lists(st.one_of(a_reading(), a_reading(), a_decision()), min_size=1, max_size=14)
START = enrolled(ago(days=5))  # with the programme's own plan


def judged(facts: list[Fact], since: datetime | None = None) -> list[Finding]:
    return judge.judge(Record.of(PATIENT, facts), PROGRAMMES, NOW, since)


@settings(max_examples=150, deadline=None)
@given(histories, st.data())
def test_findings_are_the_same_in_any_order_of_arrival(
    history: list[Fact], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([START, *history]))

    assert judged(shuffled) == judged([START, *history])


@settings(max_examples=100, deadline=None)
@given(histories, st.data())
def test_findings_are_the_same_when_facts_come_one_at_a_time(
    history: list[Fact], data: st.DataObject
) -> None:
    patient = Record(PATIENT)
    for one in data.draw(st.permutations([START, *history])):
        patient = patient.adding([one])
        judge.judge(patient, PROGRAMMES, NOW)  # what it remembers must not mislead it later

    assert judge.judge(patient, PROGRAMMES, NOW) == judged([START, *history])


@settings(max_examples=250, deadline=None)
@given(histories, a_reading() | a_decision())
def test_judging_what_is_new_changes_exactly_what_judging_everything_would(
    history: list[Fact], new: Fact
) -> None:
    before = Record.of(PATIENT, [START, *history])
    after = before.adding([new])
    old = {one.id: one for one in rules.findings(HOME_DIALYSIS, before, NOW)}

    found = rules.findings(HOME_DIALYSIS, after, NOW, since=new.at)
    covers = rules.covers(HOME_DIALYSIS, after, new.at)

    kept = [one for one in old.values() if one.at < covers[one.rule]]
    everything = {one.id: one for one in rules.findings(HOME_DIALYSIS, after, NOW)}
    assert {one.id: one for one in (*kept, *found)} == everything


@settings(max_examples=100, deadline=None)
@given(histories, st.integers(0, 13))
def test_taking_a_fact_out_is_as_if_it_had_never_come(history: list[Fact], which: int) -> None:
    voided = history[which % len(history)]
    rest = [one for one in history if one.id != voided.id]

    patient = Record.of(PATIENT, [START, *history]).without({voided.id})
    assert judge.judge(patient, PROGRAMMES, NOW) == judged([START, *rest])


@settings(max_examples=100, deadline=None)
@given(histories)
def test_ids_are_unique_and_every_finding_names_its_facts(history: list[Fact]) -> None:
    found = judged([START, *history])
    ids = {one.id for one in history}

    assert len({one.id for one in found}) == len(found)
    assert all(set(one.facts) <= ids for one in found)
    assert all(one.reason["nb"] and one.reason["en"] for one in found)
