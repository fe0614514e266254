"""Fitted estimators as files: arrays as tensors, everything else as JSON, nothing that is run.

The format is described in the user guide, on the page "What a file holds".
"""

from ._container import FORMAT, read_file, write_atomically, write_file
from ._reading import read_estimator, read_values
from ._savable import Savable
from ._writing import write_estimator, write_values

__all__ = [
    "FORMAT",
    "Savable",
    "read_estimator",
    "read_file",
    "read_values",
    "write_atomically",
    "write_estimator",
    "write_file",
    "write_values",
]
