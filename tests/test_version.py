"""The files that a release is made of name one version."""

import re
from pathlib import Path

from sklearn_cae import __version__

ROOT = Path(__file__).parents[1]


def test_the_citation_names_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [__version__]


def test_the_changelog_has_the_version_on_the_day_of_the_citation():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (day,) = re.findall(r'^date-released: "(.*)"$', citation, re.MULTILINE)
    assert f"## [{__version__}] - {day}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
