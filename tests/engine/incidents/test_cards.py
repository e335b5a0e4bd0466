"""Cards are settings of physics: none loads code, and none reads or writes a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import pythia8mc

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.cards import ALLOWED
from monsoon.engine.incidents.lhe import LheFile
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.pythia import Collider, check_cards, with_cards
from monsoon.engine.incidents.signal import signal_chunks
from monsoon.engine.incidents.transport import Transport
from tests.engine.incidents.les_houches import z_events

HARD = "HardQCD:all = on"
FORBIDDEN = [
    "Init:plugins = {FILE::X}",
    "init:PLUGINS = {FILE::X}",
    "Init:reuseMpiDiffSys0 = FILE",
    "Init:showAllSettings = on",
    "Main:runParallel = on",
    "Main:spareWord1 = FILE",
    "include = FILE",
    "INCLUDE = FILE",
    "include FILE = x",
    "xmlPath = FILE",
    "Alpgen:file = FILE",
    "SLHA:file = FILE",
    "SLHA:readFrom = 2",
    "Merging:Process = pp>jj",
    "HeavyIon:SigFitInitFile = FILE",
    "HeavyIonA:externalNucleusFile = FILE",
    "Vincia:MEplugin = FILE",
    "MultipartonInteractions:initFile = FILE",
    "MultipartonInteractions:reuseInit = 1",
    "multipartoninteractions:REUSEINIT = 1",
    "HIMultipartonInteractions:reuseInit = 1",
    "Beams:LHEF = FILE",
    "Beams:LHEFheader = FILE",
    "Beams:newLHEFsameInit = on",
    "PDF:pSet = LHAPDF6:FILE",
    "PDF:pSet = LHAGrid1:FILE",
    "Tune:preferLHAPDF = 2",
    "Print:errors = on",
    "Tune:pp = ?",
    "Tune:pp = 14\nInit:plugins = {FILE::X}",
    "Charmonium:states(3S1) = {443,",
    "25:onIfMatch = 22 22\ninclude = FILE",
    "SoftQCD :inelastic = on",
    "HardQCD:all = " + "on " * 1000,
]
USEFUL = [
    "SoftQCD:inelastic = on",
    "hiddenvalley:FFBAR2ZV = on",
    "ExtraDimensionsG*:all = on",
    "ExtraDimensionsTEV:ffbar2e+e- = on",
    "FourthBottom:qq2bPrimeq(t:W) = on",
    "Charmonium:states(3S1) = {443,100443}",
    "PDF:pSet = 13",
    "Tune:pp = 14",
    "PhaseSpace:pTHatMin = 2e1",
    "MultipartonInteractions:pT0Ref = 2.28",
    "TimeShower:alphaSvalue = 0.1365",
    "Beams:eCM = 8000.",
    "25:m0 = 125.25",
    "25:onMode = off",
    "25:onIfMatch = 22 22",
    "25:3:bRatio = 0.5",
    "211:mayDecay = on",
    "999999:new = odd~name void 2 0 0 10.0",
    "25:addChannel = 1 1.0 101 11 -11",
]


@pytest.mark.parametrize("card", FORBIDDEN)
def test_a_card_that_could_name_a_file_is_refused_in_one_line(tmp_path: Path, card: str) -> None:
    with pytest.raises(InputError, match="pythia card") as caught:
        check_cards((HARD, card.replace("FILE", str(tmp_path / "file"))))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("card", USEFUL)
def test_cards_of_physics_reach_pythia(card: str) -> None:
    check_cards((HARD, card))


def test_values_reach_pythia_as_they_are_written() -> None:
    pythia = with_cards(
        ("PhaseSpace:pTHatMin = 2e1", "Charmonium:states(3S1) = {443, 100443}", "25:m0=125.5")
    )
    assert pythia.parm("PhaseSpace:pTHatMin") == 20
    assert list(pythia.settings.mvec("Charmonium:states(3S1)")) == [443, 100443]
    assert pythia.particleData.m0(25) == 125.5


def test_no_text_of_an_allowed_family_is_taken() -> None:
    """Whatever a release of Pythia adds: text can name files, so none is handed on."""
    settings = pythia8mc.Pythia("", False).settings
    texts = [*settings.getWordMap("").keys(), *settings.getWVecMap("").keys()]
    known = [key for key in texts if key.partition(":")[0] in ALLOWED]
    assert "multipartoninteractions:initfile" in known
    for key in known:
        with pytest.raises(InputError, match="pythia card"):
            check_cards((HARD, f"{key} = somewhere"))


def test_a_file_that_is_to_be_overwritten_stays(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("data")
    cards = (HARD, "MultipartonInteractions:reuseInit = 1", f"MultipartonInteractions:initFile = {precious}")
    with pytest.raises(InputError, match="reuseInit"):
        Collider(cards)
    assert precious.read_text() == "data"


def test_signals_and_les_houches_files_take_the_same_cards_alone(tmp_path: Path, detector: Detector) -> None:
    plugin = f"Init:plugins = {{{tmp_path}/x.so::X}}"
    with pytest.raises(InputError, match="Init:plugins"):
        signal_chunks(str(tmp_path / "s"), PoolSettings((HARD, plugin), 1, Transport(), detector))
    (tmp_path / "in.lhe").write_text(z_events(1))
    with pytest.raises(InputError, match="Init:plugins"):
        LheFile(tmp_path / "in.lhe", (plugin,))
