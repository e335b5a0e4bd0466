"""Networks that are trained together are those that are trained alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.families.coupling import CouplingFlow
from monsoon.models.families.gan import Gan
from monsoon.models.families.vectors.family import VectorFamily
from monsoon.models.records import Table
from monsoon.models.studies.lognormals import LogNormals
from monsoon.models.studies.stacked import train_together
from monsoon.models.training.recipe import Recipe

SCHEMA = Schema((Column("x1", "positive"), Column("x2", "positive")))
FAMILIES = [
    (CouplingFlow, {"couplings": 2, "hidden": 16, "bins": 4}, 5e-3),
    (Gan, {"latent": 2, "hidden": 16, "blocks": 1, "features": 4}, {"critic": 1e-3, "generator": 1e-3}),
]


@pytest.mark.parametrize(("family", "options", "rates"), FAMILIES, ids=["flow", "gan"])
def test_together_is_as_alone(family: type[VectorFamily], options: dict[str, Any], rates: Any) -> None:
    rng = np.random.default_rng(1)
    toys = [LogNormals((0.0, 1.0), (0.5, 1.0), r).draw(rng, 200) for r in (0.0, 0.9)]
    samples, recipe = torch.from_numpy(np.stack(toys)), Recipe(steps=6, batch=50, learning_rate=rates)
    options = {**options, "knots": 2, "pattern_hidden": 16}
    both = train_together(family, options, SCHEMA, samples, recipe, [3, 4])
    alone = [train_together(family, options, SCHEMA, samples[n : n + 1], recipe, [3 + n])[0] for n in (0, 1)]
    untrained = family.prepare({"seed": 3, **options}, *_rows(samples[0]))
    noise, none = torch.rand(20, both[0].noise_dimensions), Table((), torch.zeros(20, 0, dtype=torch.float64))
    for one, other in zip(both, alone, strict=True):
        torch.testing.assert_close(
            one.sample(none, noise).values, other.sample(none, noise).values, rtol=1e-3, atol=1e-4
        )
    assert not torch.allclose(
        both[0].sample(none, noise).values, untrained.sample(none, noise).values, rtol=1e-2
    )


def _rows(sample: torch.Tensor) -> tuple[Any, Schema]:
    from monsoon.models.studies.stacked import table_set

    return table_set(sample, SCHEMA), SCHEMA
