"""What a notebook shows of a fitted network, below scikit-learn's diagram of its parameters."""

from html import escape
from typing import Any


class NetworkHTMLMixin:
    """Adds image, code, noise and layers to the HTML of a fitted estimator.

    For estimators with ``net_`` and ``layer_names_``. It goes before
    :class:`~sklearn.base.BaseEstimator`, whose ``_html_repr`` gives the diagram in scikit-learn
    1.7 and later.
    """

    def _html_repr(self) -> str:
        diagram: str = super()._html_repr()  # type: ignore[misc]
        return diagram + _network_html(self) if hasattr(self, "net_") else diagram


def _network_html(estimator: Any) -> str:
    module = estimator.net_.module_
    n_trained = _count_parameters(module, trained=True)
    facts = {
        "image": " × ".join(map(str, estimator.image_shape_)),
        "data range": "{:g} to {:g}".format(*estimator.data_range_),
        "code": " × ".join(map(str, module.code_shape)),
        "noise": "that of the pairs" if estimator.noise_ is None else repr(estimator.noise_),
        "parameters": f"{_count_parameters(module):,}, of which {n_trained:,} are trained",
    }
    return (
        "<details><summary>Fitted network</summary>"
        f"{_table(facts.items())}{_table(_layers(estimator), head=('layer', 'parameters'))}"
        "</details>"
    )


def _layers(estimator):
    module = estimator.net_.module_
    counts = {
        name: _count_parameters(module.get_submodule(name)) for name in estimator.layer_names_
    }
    # A flat code and transposed convolutions lie between the layers.
    between = _count_parameters(module) - sum(counts.values())
    if between:
        counts["between them"] = between
    return [(name, f"{count:,}") for name, count in counts.items()]


def _count_parameters(module, *, trained=False):
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)


def _table(rows, head=()):
    lines = [_row("th", head)] if head else []
    lines += [_row("td", cells) for cells in rows]
    return f"<table>{''.join(lines)}</table>"


def _row(tag, cells):
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
