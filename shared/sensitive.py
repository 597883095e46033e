"""Who may read what a sensitive programme holds: answers, scores, and the reasons of alerts.

A member of staff needs an access group: the programme's slug, or `sensitive` for all of them.
Others of the unit see that there is an alert, its colour and whom to ask; never less than that.
"""

from collections.abc import Collection, Iterable, Mapping

from shared import fhir
from shared.programmes import Programme

ALL = "sensitive"


def closed(programmes: Mapping[str, Programme], groups: Collection[str]) -> frozenset[str]:
    """The slugs of the programmes whose contents these groups do not open."""
    if ALL in groups:
        return frozenset()
    return frozenset(
        slug for slug, one in programmes.items() if one.sensitive and slug not in groups
    )


def hidden_forms(
    programmes: Mapping[str, Programme], followed: Iterable[str], groups: Collection[str]
) -> frozenset[str]:
    """The forms of one patient that these groups do not open, by name.

    A form that another of his programmes asks for too is as sensitive as the one that is closed.
    """
    shut = closed(programmes, groups)
    return frozenset(
        name for slug in followed if slug in shut for name in forms_of(programmes[slug])
    )


def forms_of(programme: Programme) -> frozenset[str]:
    own = (fhir.questionnaire_name(form["url"])[0] for form in programme.questionnaires)
    return frozenset((*own, *programme.instruments))
