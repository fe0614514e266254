"""What a notebook shows of a fitted network, below scikit-learn's diagram of its parameters."""

from html import escape
from typing import Any


class NetworkHTMLMixin:
    """Adds image, code, noise and layers to the HTML of a fitted estimator.

    For :class:`~sklearn_cae.DenoisingCAE`. It goes before :class:`~sklearn.base.BaseEstimator`,
    whose ``_html_repr`` gives the diagram in scikit-learn 1.7 and later.
    """

    def _html_repr(self) -> str:
        diagram: str = super()._html_repr()  # type: ignore[misc]
        return diagram + _network_html(self) if hasattr(self, "net_") else diagram


def _network_html(estimator: Any) -> str:
    module = estimator.net_.module_
    facts = {
        "network": repr(estimator.network_),
        "image": _times(estimator.image_shape_),
        "data range": "{:g} to {:g}".format(*estimator.data_range_),
        "noise": "that of the pairs" if estimator.noise_ is None else repr(estimator.noise_),
        "parameters": (
            f"{estimator.n_total_parameters_:,}, of which {estimator.n_parameters_:,} are trained"
        ),
    }
    if hasattr(module, "code_shape"):
        facts["code"] = _times(module.code_shape)
    tables = _table(facts.items())
    if hasattr(module, "layer_names"):
        tables += _table(_layers(module, estimator.n_total_parameters_), ("layer", "parameters"))
    return f"<details><summary>Fitted network</summary>{tables}</details>"


def _times(shape):
    return " × ".join(map(str, shape))


def _layers(module, n_parameters):
    counts = {
        name: sum(p.numel() for p in module.get_submodule(name).parameters())
        for name in module.layer_names
    }
    # A flat code and transposed convolutions lie between the layers.
    between = n_parameters - sum(counts.values())
    if between:
        counts["between them"] = between
    return [(name, f"{count:,}") for name, count in counts.items()]


def _table(rows, head=()):
    lines = [_row("th", head)] if head else []
    lines += [_row("td", cells) for cells in rows]
    return f"<table>{''.join(lines)}</table>"


def _row(tag, cells):
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
