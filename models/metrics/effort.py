"""How thoroughly showers are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.calochallenge import EPOCHS
from monsoon.models.metrics.classification import CLASSIFIERS, not_asked


@dataclass(frozen=True)
class Effort:
    """How thoroughly showers are compared.

    Parameters
    ----------
    repeats
        Trainings of each classifier on each sample.
    replicas
        Of a bootstrap.
    settings
        Of the classifiers by name, in place of their defaults.
    classifiers
        Names of those that are asked.
    epochs
        Of the CaloChallenge's classifiers; 0: they are not asked.
    drawn
        Number of observables whose histograms are drawn, those that differ most first; None: all.
    """

    repeats: int = 3
    replicas: int = 50
    settings: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    classifiers: tuple[str, ...] = tuple(CLASSIFIERS)
    drawn: int | None = None
    epochs: int = EPOCHS

    def asked(self, geometry: Geometry) -> list[str]:
        """The classifiers that have something to look at in this geometry."""
        return [name for name in self.classifiers if not not_asked(name, geometry)]

    def settings_of(self, classifier: str) -> dict[str, int]:
        """Settings of one classifier, in place of its defaults."""
        return dict(self.settings.get(classifier, {}))


# trees take a tenth of the networks' time: they are asked as thoroughly as usual
QUICK = Effort(
    repeats=1,
    replicas=20,
    settings={"whitened-cnn": {"steps": 300}, "mlp": {"steps": 300}},
    drawn=8,
    epochs=5,
)
