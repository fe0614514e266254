"""What a notebook shows of a fitted network, below scikit-learn's diagram of its parameters."""

import re
from html import escape
from math import isfinite
from typing import Any

# Like the box of scikit-learn above it, in the colours of the page.
BOX = (
    "font-family: monospace; width: fit-content; max-width: 100%; overflow-x: auto; "
    "border: 1px dotted; border-radius: 0.25em; margin-top: 0.5em; padding: 0.25em 0.5em"
)


class NetworkHTMLMixin:
    """Adds network, images, noise and the result of the training to the HTML of a fitted estimator.

    For :class:`~sklearn_cae.DenoisingCAE`. It goes before :class:`~sklearn.base.BaseEstimator`,
    whose ``_html_repr`` gives the diagram in scikit-learn 1.7 and later.
    """

    def _html_repr(self) -> str:
        diagram: str = super()._html_repr()  # type: ignore[misc]
        return diagram + _network_html(self) if hasattr(self, "net_") else diagram


def _network_html(estimator: Any) -> str:
    module = estimator.net_.module_
    facts = {
        "network": _short(estimator.network_),
        "image": _times(estimator.image_shape_),
        "data range": "{:g} to {:g}".format(*estimator.data_range_),
        "noise": "that of the pairs" if estimator.noise_ is None else _short(estimator.noise_),
        "parameters": _parameters(estimator),
    }
    if hasattr(module, "code_shape"):
        facts["code"] = _times(module.code_shape)
    details = _table((facts | _training(estimator)).items())
    if hasattr(module, "layer_names"):
        layers = _table(_layers(module, estimator.n_total_parameters_), ("layer", "parameters"))
        details += f"<details><summary>Layers</summary>{layers}</details>"
    return f'<details style="{BOX}"><summary>Fitted network</summary>{details}</details>'


def _parameters(estimator):
    total, trained = estimator.n_total_parameters_, estimator.n_parameters_
    return f"{total:,}" if trained == total else f"{total:,}, of which {trained:,} are trained"


def _training(estimator):
    """How long the training took, and what came of it; empty if it is not known."""
    history, net = estimator.history_, estimator.net_
    n_epochs = len(history["duration"])
    if not n_epochs:
        return {}
    seconds = history["duration"].sum()
    epochs = "1 epoch" if n_epochs == 1 else f"{n_epochs} epochs"
    facts = {"training": f"{epochs} in {seconds:,.3g} s on {net.device} in {net.precision}"}
    if "valid_psnr" in history and isfinite(history["valid_psnr"][-1]):
        denoised, noisy = history["valid_psnr"][-1], history["noisy_psnr"][-1]
        facts["last epoch"] = (
            f"validation PSNR {denoised:.1f} dB, that of noisy images {noisy:.1f} dB"
        )
    return facts


def _short(value):
    """The text of an object, its numbers to four digits."""
    return re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.4g}", repr(value))


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
