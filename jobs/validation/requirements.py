"""Requirements from a YAML file."""

from __future__ import annotations

from pathlib import Path

from monsoon.engine.config import read_mapping
from monsoon.engine.errors import InputError
from monsoon.models.metrics.requirements import Requirement, requirements_of

SHIPPED = Path(__file__).parent / "requirements.yaml"


def read_requirements(path: str | Path = SHIPPED) -> tuple[Requirement, ...]:
    """Read what is required of a generator.

    Parameters
    ----------
    path
        A YAML file as the shipped one.

    Raises
    ------
    InputError
        Naming the file and the key, where it does not say what it should.
    """
    content = read_mapping(path, remedy=f"start from {SHIPPED}")
    try:
        return requirements_of(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
