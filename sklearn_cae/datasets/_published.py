"""What the fetchers know of each dataset: files, checksums, class names, description.

The SHA-256 checksums were computed from files with the MD5 checksums that their authors publish;
CIFAR-10 carries the MD5 of its own page.
"""

from typing import NamedTuple

from ._remote import RemoteFile


class Dataset(NamedTuple):
    """A published dataset.

    Attributes
    ----------
    folder : str
        Name of its folder below ``<data_home>/sklearn_cae``.
    files : dict of str to tuple of RemoteFile
        The files of the splits "train" and "test", in the order in which they are read.
    target_names : tuple of str
        Names of the classes 0, 1, ...
    descr : str
        Description, with the source.
    """

    folder: str
    files: dict[str, tuple[RemoteFile, ...]]
    target_names: tuple[str, ...]
    descr: str


def _idx_files(base_url: str, checksums: dict[str, str]) -> tuple[RemoteFile, ...]:
    return tuple(
        RemoteFile(name, base_url + name, f"sha256:{checksum}")
        for name, checksum in checksums.items()
    )


_MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST = Dataset(
    folder="mnist",
    files={
        "train": _idx_files(
            _MNIST_URL,
            {
                "train-images-idx3-ubyte.gz": (
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
                ),
                "train-labels-idx1-ubyte.gz": (
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
                ),
            },
        ),
        "test": _idx_files(
            _MNIST_URL,
            {
                "t10k-images-idx3-ubyte.gz": (
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
                ),
                "t10k-labels-idx1-ubyte.gz": (
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
                ),
            },
        ),
    },
    target_names=tuple("0123456789"),
    descr="""\
MNIST
-----
70000 handwritten digits, gray, 28 x 28 pixels, white on black; 60000 to train, 10000 to test.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document
recognition, Proceedings of the IEEE 86(11), 1998.
""",
)

_FASHION_URL = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
)
FASHION_MNIST = Dataset(
    folder="fashion_mnist",
    files={
        "train": _idx_files(
            _FASHION_URL,
            {
                "train-images-idx3-ubyte.gz": (
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
                ),
                "train-labels-idx1-ubyte.gz": (
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
                ),
            },
        ),
        "test": _idx_files(
            _FASHION_URL,
            {
                "t10k-images-idx3-ubyte.gz": (
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
                ),
                "t10k-labels-idx1-ubyte.gz": (
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
                ),
            },
        ),
    },
    target_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    descr="""\
Fashion-MNIST
-------------
70000 pieces of clothing, gray, 28 x 28 pixels, bright on black; 60000 to train, 10000 to test.
Licence: MIT.

H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine
learning algorithms, arXiv:1708.07747, 2017.
""",
)

_CIFAR10_ARCHIVE = RemoteFile(
    "cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "md5:c58f30108f718f92721af3b95e74349a",
)
CIFAR10 = Dataset(
    folder="cifar10",
    files={"train": (_CIFAR10_ARCHIVE,), "test": (_CIFAR10_ARCHIVE,)},
    target_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    descr="""\
CIFAR-10
--------
60000 colour photographs of ten classes, 32 x 32 pixels; 50000 to train, 10000 to test.

A. Krizhevsky, Learning multiple layers of features from tiny images, technical report, University
of Toronto, 2009.
""",
)
