"""The Pythia cards that a job may use: settings of physics, and none that names a file or a library.

Some of Pythia's settings load libraries, or read and write files. Cards come with campaigns that others
wrote, so only what is on this list is allowed.
"""

from __future__ import annotations

import re
from typing import Any

from monsoon.engine.errors import InputError

Pythia = Any  # pythia8mc has no types

# Flags of these families choose processes (Pythia's manual, "Process Selection").
SOFT_FAMILIES = ("SoftQCD", "LowEnergyQCD")
HARD_FAMILIES = (
    *("HardQCD", "PromptPhoton", "WeakBosonExchange", "WeakSingleBoson", "WeakDoubleBoson"),
    *("WeakBosonAndParton", "PhotonCollision", "PhotonParton", "Onia", "Charmonium", "Bottomonium"),
    *("Top", "FourthBottom", "FourthTop", "FourthPair", "HiggsSM", "HiggsBSM", "SUSY", "NewGaugeBoson"),
    *("LeftRightSymmmetry", "LeptoQuark", "ExcitedFermion", "ContactInteractions", "HiddenValley"),
    *("ExtraDimensionsG*", "ExtraDimensionsLED", "ExtraDimensionsUnpart", "ExtraDimensionsTEV", "DM"),
)
# Parameters of processes, beams, showers, hadronisation and decays
PHYSICS_FAMILIES = (
    *("Beams", "BeamRemnants", "BoseEinstein", "BottomoniumShower", "CharmoniumShower", "Check"),
    *("ClosePacking", "ColourReconnection", "DeuteronProduction", "Diffraction", "Enhancements"),
    *("FourthGeneration", "Fragmentation", "FragmentationSystems", "HadronLevel", "HadronVertex", "Higgs"),
    *("HiggsA3", "HiggsH1", "HiggsH2", "HiggsHchg", "LesHouches", "MiniStringFragmentation"),
    *("MultipartonInteractions", "OniaShower", "ParticleData", "ParticleDecays", "PartonLevel"),
    *("PartonVertex", "PDF", "PDFinProcess", "PhaseSpace", "Photon", "PhotonPhoton", "ProcessLevel"),
    *("Rescattering", "ResonanceDecayFilter", "ResonanceWidths", "RHadrons", "RopeWalk", "Sdm", "SecondHard"),
    *("SetLHEdecayProduct", "SigmaCombined", "SigmaDiffractive", "SigmaElastic", "SigmaProcess"),
    *("SigmaTotal", "SpaceShower", "StandardModel", "StringFlav", "StringFragmentation", "StringPT"),
    *("StringZ", "SUSYResonance", "TauDecays", "TimeShower", "TopThreshold", "Tune", "WeakShower", "WeakZ0"),
    *("Wprime", "Zp", "Zprime"),
)
ALLOWED = frozenset(family.lower() for family in (*SOFT_FAMILIES, *HARD_FAMILIES, *PHYSICS_FAMILIES))
# Exceptions within these families: settings that switch to a file or to a library
REFUSED = re.compile(r":(reuseinit|preferlhapdf|\w*lhefheaders?|newlhefsameinit|nskiplhefatinit)$")
SWITCHES = ("on", "off", "yes", "no", "true", "false", "ok", "1", "0")
LONGEST = 1000  # characters of a card

_SETTING = re.compile(r"([A-Za-z][\w*]*):[\w()\[\]:*+-]+", re.ASCII)
_PARTICLE = re.compile(r"\d{1,10}:(\d{1,4}:)?[A-Za-z]\w*", re.ASCII)  # 25:onMode, 25:3:bRatio
_VALUE = re.compile(r"[\w.,+*~(){}<>' \t-]+", re.ASCII)  # no path, no second line, no question mark
_NUMBER = re.compile(r"\d+", re.ASCII)


def read_card(pythia: Pythia, card: str) -> None:
    """Apply one card to Pythia.

    Parameters
    ----------
    pythia : pythia8mc.Pythia
        A Pythia that is not initialised.
    card : str
        `Group:name = value` of an allowed family, or particle data such as `25:onMode = off`.

    Raises
    ------
    InputError
        Where the card is neither of these, could name a file, or is unknown to Pythia.
    """
    key, separator, value = (part.strip() for part in card.partition("="))
    if not separator or not key or not value:
        raise InputError(f"pythia card {card!r}: not a setting; write it as 'Group:name = value'")
    _expect_allowed(pythia, card, key, value)
    if pythia.settings.isFlag(key) and value.split()[0].lower() not in SWITCHES:
        raise InputError(f"pythia card {card!r}: {value!r} is not a switch; use on or off")
    if not pythia.readString(f"{key} = {value}", False):
        raise InputError(
            f"pythia card {card!r}: Pythia does not know it; see its manual for the name and values"
        )


def _expect_allowed(pythia: Pythia, card: str, key: str, value: str) -> None:
    if len(card) > LONGEST:
        raise InputError(f"pythia card '{card[:40]} ...': longer than {LONGEST} characters; shorten it")
    if key.lower().startswith("random:"):
        raise InputError(f"pythia card {card!r}: chunks have their own seeds; set `seed` instead")
    setting = _SETTING.fullmatch(key)
    known = setting and setting[1].lower() in ALLOWED and not REFUSED.search(key.lower())
    if not known and not _PARTICLE.fullmatch(key):
        raise InputError(
            f"pythia card {card!r}: not allowed; cards are settings of physics processes, beams, showers, "
            "hadronisation and decays, or particle data, and none that reads or writes files"
        )
    text = pythia.settings.isWord(key) or pythia.settings.isWVec(key)
    if text and not _NUMBER.fullmatch(value):  # PDF:pSet = 13 is a set that comes with Pythia
        raise InputError(f"pythia card {card!r}: text could name a file or a library; give a number")
    if not _VALUE.fullmatch(value) or value.count("{") != value.count("}"):
        raise InputError(
            f"pythia card {card!r}: the value contains characters that no number, switch, name or list has; "
            "remove them"
        )
