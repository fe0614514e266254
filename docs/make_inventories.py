"""Write the intersphinx inventories of the objects that our pages refer to.

A build then needs no network, and a page that moves is corrected here. To refer to one more object,
add a line and run this again:

    python docs/make_inventories.py
"""

import zlib
from pathlib import Path

FOLDER = Path(__file__).parent / "inventories"

# Role and page of the objects of each project; "$" stands for an object's name.
SKLEARN = "modules/generated/$.html"
SCIPY = "reference/generated/$.html#$"
OBJECTS = {
    "matplotlib": {
        "matplotlib.axes.Axes": ("py:class", "api/_as_gen/$.html#$"),
        "matplotlib.colorbar.Colorbar": ("py:class", "api/colorbar_api.html#$"),
        "matplotlib.figure.Figure": ("py:class", "api/_as_gen/$.html#$"),
    },
    "numpy": {
        "numpy.ndarray": ("py:class", "reference/generated/$.html#$"),
        "numpy.random.RandomState": ("py:class", "reference/random/legacy.html#$"),
        "array_like": ("std:term", "glossary.html#term-$"),
    },
    "python": {
        "None": ("py:data", "library/constants.html#$"),
        "bltin-boolean-values": ("std:label", "library/stdtypes.html#$"),
        "callable": ("py:function", "library/functions.html#$"),
        "dict": ("py:class", "library/stdtypes.html#$"),
        "float": ("py:class", "library/functions.html#$"),
        "int": ("py:class", "library/functions.html#$"),
        "list": ("py:class", "library/stdtypes.html#$"),
        "str": ("py:class", "library/stdtypes.html#$"),
        "tuple": ("py:class", "library/stdtypes.html#$"),
    },
    "scipy": {
        "scipy.ndimage.gaussian_filter": ("py:function", SCIPY),
    },
    "skimage": {
        f"skimage.{name}": ("py:function", f"api/skimage.{name.split('.')[0]}.html#$")
        for name in (
            "color.rgb2gray",
            "filters.gaussian",
            "io.imread",
            "io.imsave",
            "metrics.peak_signal_noise_ratio",
            "metrics.structural_similarity",
            "restoration.denoise_nl_means",
            "restoration.estimate_sigma",
            "transform.resize",
            "util.img_as_ubyte",
        )
    },
    "sklearn": {
        **{
            f"sklearn.{name}": ("py:class", f"{SKLEARN}#$")
            for name in (
                "covariance.EllipticEnvelope",
                "covariance.LedoitWolf",
                "decomposition.PCA",
                "ensemble.IsolationForest",
                "frozen.FrozenEstimator",
                "linear_model.LogisticRegression",
                "manifold.TSNE",
                "mixture.BayesianGaussianMixture",
                "mixture.GaussianMixture",
                "model_selection.GridSearchCV",
                "model_selection.GroupKFold",
                "neighbors.KernelDensity",
                "neighbors.LocalOutlierFactor",
                "neighbors.NearestNeighbors",
                "pipeline.Pipeline",
            )
        },
        "sklearn.base.clone": ("py:function", f"{SKLEARN}#$"),
        "sklearn.datasets.get_data_home": ("py:function", f"{SKLEARN}#$"),
        "sklearn.feature_extraction.image.extract_patches_2d": ("py:function", f"{SKLEARN}#$"),
        "sklearn.utils.Bunch": ("py:class", f"{SKLEARN}#$"),
    },
    "skorch": {
        "skorch.NeuralNet": ("py:class", "net.html#skorch.net.NeuralNet"),
        "skorch.callbacks.Checkpoint": ("py:class", "callbacks.html#$"),
        "skorch.callbacks.LRScheduler": ("py:class", "callbacks.html#$"),
    },
    "torch": {
        "torch.Generator": ("py:class", "generated/$.html#$"),
        "torch.Tensor": ("py:class", "tensors.html#$"),
        "torch.nn.Module": ("py:class", "generated/$.html#$"),
        "torch.optim": ("py:module", "optim.html#module-$"),
        "torch.hub": ("py:module", "hub.html#module-$"),
        "torch.save": ("py:function", "generated/$.html#$"),
        "torch.set_num_threads": ("py:function", "generated/$.html#$"),
    },
}


def inventory(project, objects):
    """Give the bytes of an inventory in version 2 of Sphinx's format."""
    header = (
        "# Sphinx inventory version 2\n"
        f"# Project: {project}\n"
        "# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    lines = [
        f"{name} {role} 1 {page.replace('$', name)} -\n"
        for name, (role, page) in sorted(objects.items())
    ]
    return header.encode() + zlib.compress("".join(lines).encode(), 9)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for project, objects in OBJECTS.items():
        (FOLDER / f"{project}.inv").write_bytes(inventory(project, objects))
