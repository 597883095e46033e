"""Documentation that cannot lie: pages made from the code are the ones in the repository."""

import re
from pathlib import Path

import pytest

from deploy.local import documents

ROOT = Path(__file__).parents[2]
PAGES = documents.pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_made_page_is_up_to_date(name: str) -> None:
    assert (documents.DOCS / name).read_text() == PAGES[name], "run `make docs`"


def test_every_page_of_a_programme_is_of_one_we_ship() -> None:
    written = {f"programmes/{path.name}" for path in (documents.DOCS / "programmes").iterdir()}
    assert written == {name for name in PAGES if name.startswith("programmes/")}


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
