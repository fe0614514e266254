"""Scripts of the page as one: a page from a file may not load modules."""

import re
from importlib.resources import files
from posixpath import dirname, join, normpath

PAGE = files(__package__) / "page"
IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)


def read(name: str) -> str:
    """Text of a file of the page."""
    return (PAGE / name).read_text(encoding="utf-8")


def bundle(entry: str) -> str:
    """Join a module of the page with all that it imports into one script.

    Each module becomes a function that is called at once and gives what the module exports. The
    modules keep to two forms: ``import { one, other as name } from "./file.js";`` and ``export``
    before a function, a class or a constant.

    Parameters
    ----------
    entry : str
        Name of the module that is run, "main.js".

    Returns
    -------
    script : str
        A script without imports.
    """
    modules: dict[str, str] = {}
    _add(entry, modules)
    return '"use strict";\n' + "\n".join(modules.values())


def _add(name, modules):
    """Append a module behind those that it imports."""
    source = read(name)
    imports = []
    for names, path in IMPORT.findall(source):
        imported = normpath(join(dirname(name), path))
        if imported not in modules:
            _add(imported, modules)
        imports.append(f"const {{{names.replace(' as ', ': ')}}} = {_variable(imported)};\n")
    body = EXPORT.sub("", IMPORT.sub("", source))
    exported = ", ".join(EXPORT.findall(source))
    modules[name] = (
        f"const {_variable(name)} = (() => {{\n{''.join(imports)}{body}\n"
        f"return {{ {exported} }};\n}})();"
    )


def _variable(name):
    return "module_" + re.sub(r"\W", "_", name.removesuffix(".js"))
