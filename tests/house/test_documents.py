"""Documentation that cannot lie: pages made from the code are the ones in the repository."""

import re
from pathlib import Path

import pytest

from deploy.local import documents

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(documents.pages()))
def test_a_made_page_is_up_to_date(name: str) -> None:
    assert (documents.DOCS / name).read_text() == documents.pages()[name], "run `make docs`"


def test_every_link_in_the_documents_leads_somewhere() -> None:
    faults = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                faults.append(f"{page.name}: {target}")
    assert not faults


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme
