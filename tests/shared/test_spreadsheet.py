"""What somebody has named or written is never a formula in the table of another."""

import csv
import io

import pytest

from shared import spreadsheet

BAD = (
    "=HYPERLINK(\"https://evil.example\",\"x\")", "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1",
    "\uff1d1", "\uff0b1", "\uff0d1", "\uff201",
)  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_a_text_that_would_be_a_formula_is_told_to_be_text(text: str) -> None:
    made = io.StringIO(spreadsheet.table([[text, f"a;{text}", -2.5, None]]).decode(), newline="")
    assert next(csv.reader(made, delimiter=";")) == [f"'{text}", f"a;{text}", "-2.5", ""]
