"""The address of the guide to the page, where the installed package names its documentation."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from urllib.parse import urljoin

PACKAGE, PLACE = "sklearn-cae", "user_guide/look_inside.html"


def guide_address() -> str | None:
    """Where the guide to the page is on the web.

    Returns
    -------
    address : str or None
        ``None`` if the package is not installed, or names no documentation, or one at what is no
        address of the web.
    """
    try:
        named = metadata(PACKAGE).get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    # Each is a label and an address, "Documentation, https://...".
    addresses = {
        label.strip().lower(): address.strip()
        for label, _, address in (text.partition(",") for text in named)
    }
    address = addresses.get("documentation", "")
    if not re.fullmatch(r"https?://[^\s\"'<>]+", address):
        return None
    return urljoin(address.removesuffix("index.html").rstrip("/") + "/", PLACE)
