"""What `import sklearn_cae` brings with it."""

import subprocess
import sys

# What takes long to import and is needed by a part of the library alone.
USED_LATER = [
    "IPython",
    "matplotlib",
    "onnxscript",
    "pooch",
    "skimage.color.colorconv",
    "skimage.restoration._denoise",
    "sklearn.cluster",
    "sklearn.manifold",
    "sklearn.mixture",
]


def test_what_takes_long_is_imported_when_it_is_used():
    code = "import sys, sklearn_cae; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    assert "sklearn_cae.display" in imported
    assert [name for name in USED_LATER if name in imported] == []


def test_pandas_is_imported_by_skorch_alone():
    code = (
        "import sys, skorch; before = set(sys.modules); import sklearn_cae;"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pandas" not in done.stdout.split()
