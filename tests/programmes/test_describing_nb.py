"""What a rule says in Norwegian: every rule of every programme, and some of them word for word."""

import re

import pytest

from shared import programmes
from shared.programmes import Programme, describing_nb

ALL = programmes.load_all()
ENGLISH = re.compile(r"\b(is|the|of|within|above|below|least|days?|hours?|yes|no)\b")


@pytest.mark.parametrize("programme", ALL.values(), ids=list(ALL))
def test_each_rule_is_a_norwegian_sentence_with_its_numbers(programme: Programme) -> None:
    for rule in programme.rules:
        said = describing_nb.words(rule, programme) + describing_nb.retake(rule)
        spoken = re.sub(r"«[^»]*»|`[^`]*`", "", said)  # names and codes are as they are
        assert not ENGLISH.search(spoken), said
        for name in programmes.limits_of(rule):
            if (limit := programme.limit_by_name.get(name)) is not None:
                assert limit.names.nb in said, (rule.id, said)
    for case in programme.handled:
        assert not ENGLISH.search(describing_nb.handled(case))


@pytest.mark.parametrize(
    ("slug", "rule", "said"),
    [
        (
            "home_dialysis",
            "hd-5-red-high",
            "systolisk blodtrykk er minst «Systolisk høyt, rød» (180)",
        ),
        (
            "home_dialysis",
            "hd-1-yellow",
            "vekt før eller mellom dialyser har steget fra den laveste verdien av vekt "
            "(16 timer til 32 timer før) med mer enn «Vektøkning per døgn, gul» (0,75) per døgn",
        ),
        ("anxiety_ocd_pro", "harm-red", "svar om tanker om å skade seg selv er «yes»"),
    ],
)
def test_a_rule_word_for_word(slug: str, rule: str, said: str) -> None:
    programme = ALL[slug]
    assert describing_nb.words(programme.rule_by_id[rule], programme) == said
