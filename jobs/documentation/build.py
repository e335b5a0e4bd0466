"""`make docs`: the project's pages and the reference of its packages as HTML, without a warning.

Sources are copies in a folder of their own: nothing is written beside them, and links lead from page to page.
Pages of the reference are made there from the packages that pyproject.toml lists.
"""

from __future__ import annotations

import inspect
import os
import shutil
import sys
import tomllib
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints

from docutils.nodes import document
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.ext.autodoc import mock
from sphinx.util.inspect import stringify_signature

import monsoon

ROOT = Path(monsoon.__file__).parent
PAGES = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")
FILES = (*PAGES, "event.png", "quality.png", "CITATION.cff", "LICENSE", "pyproject.toml")
TREES = ("cluster", "engine", "jobs", "models", "tests")
ROOMS = ("models/README.md", "models/samples/README.md", "jobs/README.md", "engine/formats/README.md")
RESULTS = ("jobs/studies/RESULTS.md", "tests/chaos/TABLE.md", "tests/ahead/TABLE.md")
OPTIONAL = ("XRootD", "pyhepmc", "s3fs", "aiobotocore", "botocore", "nflows", "zuko")
MISSING = [name for name in OPTIONAL if find_spec(name) is None]  # stood in for
COLON = "\0"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.h5", "*.parquet", "checkpoints")
INDEX = """# Monsoon

```{{toctree}}
:maxdepth: 1

README
{tutorials}
{rooms}
{cluster}
ARCHITECTURE
{results}
CONTRIBUTING
CHANGELOG
reference/index
```
"""
OPTIONS = {
    "project": "Monsoon",
    "extensions": ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"],
    "html_theme": "alabaster",
    "html_theme_options.page_width": "1100px",
    "html_theme_options.description": "calorimeter events of generative models",
    "myst_heading_anchors": 3,
    "default_role": "code",
    "autodoc_member_order": "bysource",
    "autodoc_typehints": "signature",
    "autodoc_mock_imports": MISSING,
    "napoleon_use_ivar": True,
    "html_copy_source": False,
    "nitpicky": False,
}


def build(output: Path, packages: Sequence[str] | None = None) -> int:
    """Build the pages.

    Parameters
    ----------
    output : Path
        A folder; the pages are in `html/` below it.
    packages : sequence of str, optional
        Packages of the reference; all where absent.

    Returns
    -------
    int
        0; 1 where there was a warning.
    """
    source = output / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(ROOT / name, source / name)
    for name in TREES:
        shutil.copytree(ROOT / name, source / name, ignore=LEFT_OUT)
    cluster = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "cluster").rglob("*.md"))
    tutorials = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "jobs" / "tutorials").glob("*.md"))
    named = {"tutorials": tutorials, "rooms": ROOMS, "cluster": cluster, "results": RESULTS}
    index = INDEX.format(**{key: "\n".join(names) for key, names in named.items()})
    (source / "index.md").write_text(index)
    reference(source / "reference", packages or documented())
    pages = [*PAGES, "index.md", *cluster, *tutorials, *ROOMS, *RESULTS]
    included = [*pages, "reference/**"]
    with mock(MISSING):
        for module in (module for package in packages or documented() for module in modules_of(package)):
            import_module(module)  # before autodoc, which would do so as if for a checker of types
    app = Sphinx(
        str(source), None, str(output / "html"), str(output / "doctrees"), "html",
        confoverrides={**OPTIONS, "include_patterns": included}, warningiserror=True, freshenv=True,
        parallel=os.cpu_count() or 1,
    )  # fmt: skip
    app.connect("autodoc-process-docstring", with_its_colon, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", as_written)
    app.connect("autodoc-process-signature", for_a_reader)
    app.connect("autodoc-skip-member", told_already)
    app.connect("doctree-read", as_the_module_says)
    app.build()
    code: int = app.statuscode
    return code


def with_its_colon(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Keep napoleon from taking what stands before a colon in an attribute's first line for its type."""
    if what in ("attribute", "data", "property"):
        lines[:1] = [line.replace(":", COLON) for line in lines[:1]]


def as_written(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Keep the bars of |p| and p(x | y), which reStructuredText would take for names of its own."""
    for number, line in enumerate(lines):
        parts = line.replace(COLON, ":").split("`")  # every other part is code
        parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
        lines[number] = "`".join(parts)


def for_a_reader(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Signatures without what typer and pydantic note beside types; the keys of a config follow it."""
    if what == "class" and hasattr(thing, "model_fields"):
        return "", None
    if what != "function" or "Annotated[" not in (signature or ""):
        return signature, returns
    plain = get_type_hints(thing)
    asked = inspect.signature(thing)
    named = [one.replace(annotation=plain[one.name]) for one in asked.parameters.values()]
    told = stringify_signature(asked.replace(parameters=named, return_annotation=plain["return"]))
    words, _, back = told.rpartition(" -> ")
    return words, back


def told_already(app: Any, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out fields of named tuples, which the class tells of, and pydantic's options."""
    return True if type(thing).__name__ == "_tuplegetter" or name == "model_config" else None


def as_the_module_says(app: Any, page: document) -> None:
    """Take a type's name for what its module means by it, and not for things of this name elsewhere."""
    for reference in page.findall(pending_xref):
        if "refspecific" in reference:
            del reference["refspecific"]
            thing = getattr(sys.modules.get(reference["py:module"]), reference["reftarget"], None)
            if isinstance(thing, type):
                reference["reftarget"] = f"{thing.__module__}.{thing.__qualname__}"


def documented() -> list[str]:
    """The packages that are installed, without those of data alone."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    return [name for name in listed if (folder_of(name) / "__init__.py").exists() and modules_of(name)]


def folder_of(package: str) -> Path:
    """Where a package is."""
    return ROOT.joinpath(*package.split(".")[1:])


def modules_of(package: str) -> list[str]:
    """The modules of a package, without those that run when they are imported."""
    stems = sorted(path.stem for path in folder_of(package).glob("*.py"))
    return [f"{package}.{stem}" for stem in stems if stem not in ("__init__", "__main__", "gpu")]


def reference(folder: Path, packages: Sequence[str]) -> None:
    """Write the pages of packages: each module with its docstring and its public members."""
    folder.mkdir()
    for package in packages:
        lines = [f"# {package}", ""]
        for module in modules_of(package):
            directive = ["```{eval-rst}", f".. automodule:: {module}", "   :members:", "```"]
            lines += [f"## {module.rpartition('.')[2]}", "", *directive, ""]
        (folder / f"{package}.md").write_text("\n".join(lines))
    listed = "\n".join(packages)
    (folder / "index.md").write_text(f"# Reference\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n")


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1] if sys.argv[1:] else "out/docs").absolute()))
