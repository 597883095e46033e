"""The patient's own page, filled: pure functions from what the record holds to what is shown."""

from services.patients.page.about import about_view
from services.patients.page.access import access_view
from services.patients.page.entry import TYPED, can_be_typed, choice, entry_view
from services.patients.page.form import form_view
from services.patients.page.frame import around, render, watched, watching
from services.patients.page.letters import letters_view
from services.patients.page.plan import plan_view
from services.patients.page.today import form_names, is_ready, today_view, told, track, unit_name
from services.patients.page.trend import DAYS, trend_view

__all__ = [
    "DAYS", "TYPED", "about_view", "access_view", "around", "can_be_typed", "choice", "entry_view",
    "form_names", "form_view", "is_ready", "letters_view", "plan_view", "render", "today_view",
    "told", "track", "trend_view", "unit_name", "watched", "watching",
]  # fmt: skip
