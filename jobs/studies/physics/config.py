"""What the physics study is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monsoon.jobs.studies.pieces import StudyConfig
from monsoon.models.store.shipped import SAMPLES

Count = Annotated[int, Field(ge=100, le=1_000_000)]
HELD_OUT = tuple(str(SAMPLES / f"{name}-heldout.h5") for name in ("egamma", "hadrons"))


class PhysicsConfig(StudyConfig):
    """Physics quantities of events of held-out Geant4 showers against the same events by models."""

    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("transported", "library", "best")
    """Suites that are compared, as a campaign's model names them."""
    outside: str = "nearest"
    """What they do outside their training domain, as in a campaign."""
    reference: Annotated[tuple[str, ...], Field(min_length=1)] = HELD_OUT
    """Geant4 showers of photons, electrons and hadrons that no model was trained on; absent: shipped ones."""
    high: tuple[str, ...] = (str(SAMPLES / "egamma-high.h5"),)
    """Such photons and electrons above 100 GeV, for Z and H; none: these are left out."""
    calibration: Annotated[tuple[str, ...], Field(min_length=1)] = (str(SAMPLES / "egamma.h5"),)
    """Other Geant4 showers, by which clusters are calibrated, on both sides alike."""
    calibrated: Count = 9000
    """Showers of each species that clusters are calibrated by."""
    detector: str = "lhcb-ecal"
    """The calorimeter; its electronics get 16 bits."""
    mu: Annotated[float, Field(ge=0, le=200)] = 5.2
    """Mean number of pile-up collisions in an event."""
    collisions: Count = 3000
    """Pythia collisions that pile-up is drawn from."""
    singles: Count = 6000
    """Single photons, and half as many electrons."""
    pairs: Count = 3000
    """Pairs of photons of each kind."""
    events: Count = 1500
    """Pile-up events, and at most as many Z and H."""
    replicas: Annotated[int, Field(ge=20, le=10_000)] = 200
    """Resamplings of folds for the uncertainties."""
