"""Links between the pages lead somewhere, and the indexes are complete."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DECISIONS = ROOT / "docs" / "adr"
GLOBS = ("*.md", "docs/**/*.md", "bench/*.md", ".github/**/*.md")
PAGES = [page for glob in GLOBS for page in ROOT.glob(glob)]
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)|srcset=\"([^\"]+)\"", text)
    for link in (markdown or html for markdown, html in links):
        if "://" in link or "{{" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_lists_every_decision_by_its_title() -> None:
    index = re.findall(r"^- \[(.+)\]\((.+)\)$", (DECISIONS / "README.md").read_text(), re.MULTILINE)
    pages = {page.name: page.read_text().partition("\n")[0] for page in DECISIONS.glob("[0-9]*.md")}
    assert {name: f"# {title}" for title, name in index} == pages


def test_a_decision_has_its_three_parts_on_one_page() -> None:
    for page in DECISIONS.glob("[0-9]*.md"):
        text = page.read_text()
        parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences"], page.name
        assert text.count("\n") < 60, page.name


def test_the_index_by_reader_lists_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert listed == {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"}
