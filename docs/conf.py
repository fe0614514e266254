"""Configuration of the documentation, built by `make docs` without network or warnings."""

import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))

project = "sklearn_cae"
author = "the sklearn_cae developers"
project_copyright = author
release = installed_version("sklearn-cae")
version = release

extensions = [
    "mathml",  # docs/_ext: formulas without scripts, so that they show offline
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_ext", "inventories", "auto_examples/*.ipynb", "**.md5"]
default_role = "literal"  # `like this` in docstrings
language = "en_GB"

# -- References -----------------------------------------------------------------------------------

# An unreachable inventory is a warning: those in inventories/ hold the objects we refer to.
# `python docs/make_inventories.py` writes them.
INVENTORIES = {
    "matplotlib": "https://matplotlib.org/stable/",
    "numpy": "https://numpy.org/doc/stable/",
    "python": "https://docs.python.org/3/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "skimage": "https://scikit-image.org/docs/stable/",
    "sklearn": "https://scikit-learn.org/stable/",
    "skorch": "https://skorch.readthedocs.io/en/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}
intersphinx_mapping = {
    name: (url, str(DOCS / "inventories" / f"{name}.inv")) for name, url in INVENTORIES.items()
}
intersphinx_disabled_reftypes = ["std:*"]

nitpicky = True

# -- Docstrings -----------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # the types are in the docstrings
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # but the aliases
numpydoc_xref_aliases = {
    **{
        name: f"sklearn_cae.{name}"
        for name in (
            "CAEOutlierDetector",
            "ClassicalDenoiser",
            "CodeDensity",
            "DenoiserComparison",
            "DenoisingCAE",
            "EncoderSpec",
            "LatentSampler",
            "LossSpec",
            "NetworkSpec",
            "NoiseInjector",
            "NoiseModel",
            "NoisyImages",
            "OutlierScore",
            "Patches",
            "PerceptualLoss",
        )
    },
    "ExplainPage": "sklearn_cae.explain.ExplainPage",
    "ImageBatch": "sklearn_cae.outliers.ImageBatch",
    "WeightHistory": "sklearn_cae.callbacks.WeightHistory",
    "FrozenEstimator": "sklearn.frozen.FrozenEstimator",
    "Pipeline": "sklearn.pipeline.Pipeline",
    "ndarray": "numpy.ndarray",
    **{
        name: name
        for name in (
            "matplotlib.axes.Axes",
            "matplotlib.colorbar.Colorbar",
            "matplotlib.figure.Figure",
            "skorch.NeuralNet",
            "sklearn.decomposition.PCA",
            "torch.Generator",
            "torch.Tensor",
        )
    },
}

# -- Pictures and examples ------------------------------------------------------------------------

plot_formats = [("png", 120)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[\\/]plot_",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("sklearn_cae",),
    "exclude_implicit_doc": {r"^sklearn_cae\.__"},
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "plot_gallery": "True",
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# -- Pages ----------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = f"sklearn_cae {re.sub(r'[.]dev.*', ' (development)', release)}"
html_static_path = ["_static"]
html_css_files = ["custom.css", "compare.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "sklearn_cae"},
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "show_nav_level": 1,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {  # pages without neighbours
    "changelog": [],
    "contributing": [],
    "results": [],
    "faq": [],
    "getting_started": [],
    "mathematics": [],
    "how_it_works": [],
}
