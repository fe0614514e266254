import math

import pytest

from sklearn_cae._optional import import_optional


def test_an_installed_package_is_returned():
    assert import_optional("math", extra="datasets", purpose="Rounding") is math


def test_a_missing_package_gives_the_purpose_and_the_pip_lines():
    message = (
        r"Downloading x needs the optional package not_there_at_all.* "
        r'`pip install "sklearn-cae\[datasets\]"` or `pip install not_there_at_all`'
    )
    with pytest.raises(ImportError, match=message):
        import_optional("not_there_at_all", extra="datasets", purpose="Downloading x")
