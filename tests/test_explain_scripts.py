"""The scripts of the page: how they are joined, and their own tests in Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sklearn_cae.explain import _bundle

ROOT = Path(__file__).parents[1]


def test_the_tests_of_the_scripts_pass():
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node (https://nodejs.org)")
    command = [node, "--test", "tests/page/"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "# fail 0" in result.stdout


def test_a_module_comes_once_behind_what_it_imports(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "main.js").write_text(
        'import { one } from "./deep/a.js";\nimport { two as other } from "./b.js";\none(other);\n'
    )
    (tmp_path / "deep" / "a.js").write_text(
        'import { two } from "../b.js";\nexport function one() {}\nexport const three = two;\n'
    )
    (tmp_path / "b.js").write_text("export class two {}\n")
    monkeypatch.setattr(_bundle, "PAGE", tmp_path)
    script = _bundle.bundle("main.js")
    assert script.count("class two {}") == 1
    assert script.index("class two {}") < script.index("function one") < script.index("one(other)")
    assert "const { two: other } = module_b;" in script
    assert "return { one, three };" in script
    assert "import" not in script
    assert "export" not in script


@pytest.mark.parametrize("entry", ["main.js", "worker.js"])
def test_no_script_ends_the_element_that_holds_it(entry):
    assert "</script" not in _bundle.bundle(entry).lower()


def test_every_script_is_part_of_the_page():
    scripts = {path.name for path in Path(_bundle.PAGE).rglob("*.js")}
    bundled = _bundle.bundle("main.js") + _bundle.bundle("worker.js")
    names = {name for name in scripts if f"module_{name.removesuffix('.js')}" in bundled}
    names |= {name for name in scripts if f"_{name.removesuffix('.js')} = " in bundled}
    assert names == scripts
