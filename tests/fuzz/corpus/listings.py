"""Bad listings of events: HepMC 3, HepMC 2, packed ones, Les Houches."""

from __future__ import annotations

import gzip
import sys

from tests.fuzz.corpus.case import Case, Make, made, swap, swaps, wholes
from tests.fuzz.readers.collisions import asciiv3, io_genevent

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PI = "P 6 -1 -211 -1.5 0.1 18 18.063 0.13957 1"
ONE = {"hepmc3": asciiv3(1), "hepmc2": io_genevent(1)}


def of_one(name: str, cases: dict[str, Case]) -> dict[str, Case]:
    """The same cases, made of a listing with one event: with it all are left out."""

    def remade(make: Make) -> Make:
        return lambda _: make(ONE[name])

    return {called: Case(remade(case.make), case.named) for called, case in cases.items()}


HEPMC3 = {
    **wholes(
        (b"", "empty"),
        (b"\n\n\n", "no HepMC file"),
        (b"\x00" * 100, "no HepMC file"),
        (b"PK\x03\x04 a zip file", "no HepMC file"),
        (b"HepMC::Version 3.02.05\n", "no HepMC file"),
        (b"HepMC::Asciiv4-START_EVENT_LISTING\nE 0 1 3\n", "no HepMC file"),
        (b"HepMC::Asciiv3-START_EVENT_LISTING\n", "no events"),
        (b"HepMC::Asciiv3-START_EVENT_LISTING\nHepMC::Asciiv3-END_EVENT_LISTING\n", "no events"),
        (
            b"HepMC::Version 3.02.05\n" + b"#" * 5000 + b"\nHepMC::Asciiv3-START_EVENT_LISTING\n",
            "no HepMC file",
        ),
        (b"HepMC::Asciiv3-START_EVENT_LISTING\nE 0 0 0", "no events"),
        (b"HepMC::Asciiv3-START_EVENT_LISTING\n\nHepMC::Other-START_EVENT_LISTING\n", "a listing"),
    ),
    **of_one(
        "hepmc3",
        swaps(
            ("U GEV MM", "U gev mm", "units 'gev mm' are unknown"),
            ("U GEV MM", "U TEV MM", "units 'TEV MM' are unknown"),
            ("U GEV MM", "U GEV KM", "units 'GEV KM' are unknown"),
            ("U GEV MM", "U GEV", "units 'GEV' are unknown"),
            ("U GEV MM\n", "", "no line of units"),
            ("E 0 2 6", "E 0 2", "first line is damaged"),
            ("E 0 2 6", "E 0 2 7", "not as many particles as promised"),
            ("E 0 2 6", "E 0 3 6", "not as many vertices as promised"),
            ("E 0 2 6", "E x 2 6", "should be an integer"),
            ("E 0 2 6", "E 99999999999999999999 2 6", "should be an integer"),
            ("W 1.5 0.5", "W nan 0.5", "weight is not finite"),
            ("W 1.5 0.5", "W -inf 0.5", "weight is not finite"),
            ("W 1.5 0.5", "W 1.5", "not as many weights as names"),
            ("W 1.5 0.5", "W one 0.5", "should be a number"),
            (PI, PI.replace("-1.5", "nan"), "momentum_mev is not finite"),
            (PI, PI.replace("-1.5", "1e308"), "momentum_mev is not finite"),
            (PI, PI.replace("-1.5 0.1 18", "-1.5e5 0.1 1.8e6"), "energy_mev is beyond"),
            (PI, PI.replace("-211", "-99999999999"), "a PDG code is out of range"),
            (PI, PI.replace("-211", "-99999999999999999999"), "should be an integer"),
            (PI, PI.replace("6 -1", "6 -7"), "a vertex is named that is not there"),
            (PI, PI.replace("6 -1", "6 99"), "a particle is named that is not there"),
            (PI, PI.replace("P 6", "P 5"), "a number is given twice"),
            (PI, PI.replace("P 6", "P 7"), "a number beyond those promised"),
            (PI, PI.removesuffix(" 0.13957 1"), "there are no events"),
            (PI, f"{PI}\nX what is this", "a line is not HepMC"),
            ("V -1 0 [1,2]", "V -1 0 [9]", "a particle is named that is not there"),
            ("V -1 0 [1,2]", "V 1 0 [1,2]", "a number beyond those promised"),
            ("V -1 0 [1,2]", "V -1 0 1,2", "a vertex's line is damaged"),
            ("V -1 0 [1,2]", "V -1 0 [1,x]", "should be an integer"),
            ("@ 0.1 -0.2 30.5 1.0e+01", "@ 0.1 -0.2 1e309 10", "vertex_mm is not finite"),
            ("@ 0.1 -0.2 30.5 1.0e+01", "@ 0.1 -0.2 30.5", "there are no events"),
        ),
    ),
}
HEPMC2 = {
    **wholes(
        (b"\nHepMC::IO_GenEvent-START_EVENT_LISTING\n", "no events"),
        (b"HepMC::IO_GenEvent-START_EVENT_LISTING\nP 0 0 0 0 0 0 0 1 0 0 0 0\n", "no events"),
        (b"HepMC::IO_Ascii-START_EVENT_LISTING\nE 0 0 0\n", "no HepMC file"),
        (b"HepMC::IO_GenEvent-START_EVENT_LISTING\nE 0 -1 -1 -1 -1 0 -1 0 0 0 0 1 1.0", "no events"),
    ),
    **of_one(
        "hepmc2",
        swaps(
            ("E 0 -1", "E 0", "there are no events"),
            ("U GEV MM", "U GEV INCH", "units 'GEV INCH' are unknown"),
            ("U GEV MM", "U", "a line is not HepMC"),
            ("-1 2 1 2 0 2 1.5 0.5", "-1 3 1 2 0 2 1.5 0.5", "not as many vertices as promised"),
            ("-1 2 1 2 0 2 1.5 0.5", "-1 2 1 2 0 3 1.5 0.5", "not as many weights as promised"),
            ("-1 2 1 2 0 2 1.5 0.5", "-1 2 1 2 -1 2 1.5 0.5", "first line is damaged"),
            ("-1 2 1 2 0 2 1.5 0.5", "-1 2 1 2 0 2 nan 0.5", "weight is not finite"),
            ("-1 2 1 2 0 2 1.5 0.5", "-1 2 1 2 0 2 x 0.5", "should be a number"),
            ('N 2 "Weight" "MUR2 x"', 'N 3 "Weight" "MUR2 x"', "not as many names of weights"),
            ('N 2 "Weight" "MUR2 x"', 'N 1 "Weight"', "not as many weights as names"),
            ("V -2 0", "V -1 0", "a number is given twice"),
            ("V -2 0", "V 2 0", "number is not negative"),
            (
                "V -1 0 0.1 -0.2 30.5 10 2 2 0",
                "V -1 0 0.1 -0.2 30.5 10 2 9 0",
                "not as many particles as promised",
            ),
            ("V -1 0 0.1 -0.2 30.5 10 2 2 0", "V -1 0 0.1 -0.2 30.5 10 2 2 4", "other fields than it should"),
            ("V -1 0 0.1 -0.2 30.5 10 2 2 0\n", "", "there are no events"),
            ("P 3 111 0.5", "P 4 111 0.5", "a number is given twice"),
            ("0.135 2 0 0 -2 0", "0.135 2 0 0 -7 0", "a vertex is named that is not there"),
            ("P 5 22 0.1", "P 5 22 inf", "momentum_mev is not finite"),
            ("P 5 22 0.1", "P 5 99999999999 0.1", "a PDG code is out of range"),
            ("P 5 22 0.1", "P 5 photon 0.1", "should be an integer"),
        ),
    ),
}
PACKED = {
    "hepmc-gz": made(
        [
            ("cut", lambda good: good[:25], "cannot be unpacked"),
            ("its head alone", lambda good: good[:9], "cannot be unpacked"),
            ("damaged", lambda good: good[:12] + bytes(20), "cannot be unpacked"),
            ("of nothing", lambda _: gzip.compress(b""), "no HepMC file"),
            ("of something else", lambda _: gzip.compress(b"what" * 99), "no HepMC file"),
            ("of unknown units", lambda _: gzip.compress(swap("GEV", "gev")(asciiv3())), "units"),
        ]
    ),
    "hepmc-zst": made(
        [
            ("cut", lambda good: good[:12], "cannot be unpacked"),
            ("damaged", lambda good: good[:8] + bytes(40), "cannot be unpacked"),
            ("of something else", lambda _: zstd.compress(b"what" * 99), "no HepMC file"),
            ("of an event that is cut", lambda _: zstd.compress(asciiv3(1)[:200]), "no events"),
        ]
    ),
}
LHE = {
    **wholes(
        (b"", "not a Les Houches file"),
        (b"<html></html>", "not a Les Houches file"),
        (b"\x00" * 5000, "not a Les Houches file"),
        (b"<LesHouchesEvents version='1.0'>\n</LesHouchesEvents>\n", "no complete event"),
        (b"<LesHouchesEvents version='1.0'>\n<event>\n5 1", "no complete event"),
        (b"<LesHouchesEvents>\n<event>\n</event>\n</LesHouchesEvents>\n", "Pythia cannot be initialised"),
    ),
    **swaps(
        ("<init>", "<inti>", "Pythia cannot be initialised"),
        ("2212 2212 6800 6800 0 0 0 0 3 1", "2212 2212", "Pythia cannot be initialised"),
    ),
}
LHE_GZ = made(
    [
        ("cut", lambda good: good[:40], "cannot be unpacked"),
        ("damaged", lambda good: good[:12] + bytes(99), "cannot be unpacked"),
        ("of something else", lambda _: gzip.compress(b"<html>"), "not a Les Houches file"),
        ("of no event", lambda _: gzip.compress(b"<LesHouchesEvents>"), "no complete event"),
    ]
)
