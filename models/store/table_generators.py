"""Generators of tables, by name or folder."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from monsoon.models.data.tables.schema import Schema
from monsoon.models.domain.columns import ColumnDomain
from monsoon.models.errors import InputError
from monsoon.models.records import Table
from monsoon.models.store.checkpoint import MODEL, load, makes_rows, read_card
from monsoon.models.store.shipped import SHOWER_FILES, folder_of, is_shipped, no_such_model


class TableGenerator(Protocol):
    """A generator of rows. Row i of a sample depends on row i of its arguments alone.

    Attributes
    ----------
    schema : Schema
        What the columns are.
    noise_dimensions : int
        Uniform numbers that a row needs, D.
    domain : ColumnDomain
        The training domain.
    beyond : str
        What is done with conditions outside it, in words.
    """

    schema: Schema
    noise_dimensions: int
    domain: ColumnDomain
    beyond: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that determines a sample."""
        ...

    def sample(self, conditions: Table, noise: Tensor) -> Table:
        """Sample all features for N rows of conditions, by noise float32 [N, D], uniform in (0, 1)."""
        ...

    def inside(self, conditions: Table) -> Tensor:
        """Whether each row of conditions lies in the training domain, bool [N]."""
        ...


def load_table_generator(name: str) -> TableGenerator:
    """Load a generator of tables.

    Parameters
    ----------
    name
        A shipped name, or the folder of a trained model.

    Raises
    ------
    InputError
        If it cannot be used, or generates showers.
    """
    folder = folder_of(name)
    trained = (folder / MODEL).is_file()
    if not trained and not is_shipped(name) and not name.endswith(SHOWER_FILES):
        raise no_such_model(name)
    stored = load(folder) if trained else None
    if stored is None or not makes_rows(stored.card):
        raise InputError(f"model {name}: generates showers, not rows of a table; name a generator of tables")
    generator: TableGenerator = stored.model
    return generator


def describes_tables(name: str) -> bool:
    """Whether this is the name or folder of a generator of tables. It is not loaded."""
    folder = folder_of(name)
    return (folder / MODEL).is_file() and makes_rows(read_card(folder))
