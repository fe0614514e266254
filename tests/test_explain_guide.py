from email.message import Message
from importlib.metadata import PackageNotFoundError

import pytest

from sklearn_cae.explain import _guide
from sklearn_cae.explain._guide import guide_address


@pytest.fixture
def named(monkeypatch):
    """Gives the installed package these addresses."""

    def name(*addresses):
        read = Message()
        for address in addresses:
            read["Project-URL"] = address
        monkeypatch.setattr(_guide, "metadata", {"sklearn-cae": read}.__getitem__)

    return name


@pytest.mark.parametrize(
    "documentation",
    ["https://cae.org/docs", "https://cae.org/docs/", "https://cae.org/docs/index.html"],
)
def test_the_guide_is_a_page_of_the_documentation(named, documentation):
    named("Source, https://cae.org/code", f"Documentation, {documentation}")
    assert guide_address() == "https://cae.org/docs/user_guide/look_inside.html"


def test_without_a_documentation_there_is_no_guide(named):
    named("Source, https://cae.org/code")
    assert guide_address() is None


def test_without_any_address_there_is_no_guide(named):
    named()
    assert guide_address() is None


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", 'https://cae.org/"onclick=alert(1)', "file:///docs", "docs", ""],
)
def test_what_is_no_address_of_the_web_is_refused(named, address):
    named(f"Documentation, {address}")
    assert guide_address() is None


def test_a_package_that_is_not_installed_has_no_guide(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_guide, "metadata", missing)
    assert guide_address() is None
