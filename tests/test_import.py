"""What `import sklearn_cae` brings with it."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import sklearn_cae

SOURCE = Path(sklearn_cae.__file__).parent
MODULES = [
    "callbacks",
    "classical",
    "datasets",
    "display",
    "explain",
    "metrics",
    "networks",
    "noise",
]

# What takes long to import and is needed by a part of the library alone.
USED_LATER = [
    "IPython",
    "matplotlib",
    "onnxscript",
    "pooch",
    "skimage",
    "sklearn.cluster",
    "sklearn.covariance",
    "sklearn.datasets",
    "sklearn.decomposition",
    "sklearn.linear_model",
    "sklearn.manifold",
    "sklearn.mixture",
    "sklearn.neighbors",
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


# --- what is public


def public_objects():
    modules = [sklearn_cae, *(getattr(sklearn_cae, name) for name in MODULES)]
    named = [getattr(module, name) for module in modules for name in module.__all__]
    return [thing for thing in named if inspect.isclass(thing) or inspect.isfunction(thing)]


def undocumented(thing):
    """Names of public methods and properties of the library, of a class, without a docstring."""
    for name in dir(thing):
        member = getattr(thing, name)
        function = member.fget if isinstance(member, property) else member
        of_the_library = str(getattr(function, "__module__", "")).startswith("sklearn_cae")
        if not name.startswith("_") and of_the_library and not inspect.getdoc(member):
            yield f"{thing.__name__}.{name}"


def test_modules_are_attributes_of_the_package():
    code = f"import sklearn_cae; [getattr(sklearn_cae, name) for name in {MODULES}]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_everything_public_has_a_docstring():
    things = public_objects()
    assert sklearn_cae.DenoisingCAE in things
    missing = [thing.__name__ for thing in things if not inspect.getdoc(thing)]
    assert missing == []
    missing = [name for thing in things if inspect.isclass(thing) for name in undocumented(thing)]
    assert missing == []


# --- the estimator file: the contract of scikit-learn, and nothing else


def imported_by(path):
    """First names of the packages that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names}


def test_the_estimator_file_imports_no_torch():
    assert imported_by(SOURCE / "_denoising_cae.py").isdisjoint({"torch", "skorch"})
    assert "torch" in imported_by(SOURCE / "_inference.py")


# What stands in the file is read from top to bottom. More belongs into a module below it.
MOST_LINES = 600


def test_the_estimator_file_is_short_and_no_other_is_longer():
    lengths = {path.name: len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")}
    assert max(lengths.values()) == lengths["_denoising_cae.py"] <= MOST_LINES


def test_no_private_member_of_another_object_is_used_but_the_frame_of_the_caller():
    # ruff refuses them in `make lint`; here, what it is told to pass over.
    passed_over = [
        line.strip()
        for path in SOURCE.rglob("*.py")
        for line in path.read_text().splitlines()
        if "noqa: SLF" in line
    ]
    assert len(passed_over) == 1
    assert "sys._getframe" in passed_over[0]
