"""Look inside a trained network: one page for a browser, which computes by itself."""

from ._page import ExplainPage, explain_html

__all__ = ["ExplainPage", "explain_html"]
