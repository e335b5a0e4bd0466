"""Les Houches events of u ubar -> Z -> e+ e- that a test can write, to the letter of the format."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

HEAD = '<LesHouchesEvents version="1.0">\n<init>\n2212 2212 6800 6800 0 0 0 0 3 1\n1.0 0.1 1.0 1\n</init>\n'
TAIL = "</LesHouchesEvents>\n"


def z_event(rng: np.random.Generator, *, damaged: bool = False) -> str:
    """One event with the Z boson flying forward; a damaged one has no number for its process."""
    mass, rapidity = rng.normal(91.19, 1.5), rng.uniform(1.0, 3.0)
    plus, minus = (mass / 2 * np.exp(sign * rapidity) for sign in (1, -1))  # energies of u and ubar
    cosine, azimuth = rng.uniform(-1, 1), rng.uniform(0, 2 * np.pi)
    sine = np.sqrt(1 - cosine**2)
    px, py = mass / 2 * sine * np.cos(azimuth), mass / 2 * sine * np.sin(azimuth)
    cosh, sinh = np.cosh(rapidity), np.sinh(rapidity)
    z = [mass / 2 * (cosh * sign * cosine + sinh) for sign in (1, -1)]
    energy = [mass / 2 * (cosh + sinh * sign * cosine) for sign in (1, -1)]
    rows = [
        (2, -1, 0, 0, 501, 0, 0, 0, plus, plus, 0),
        (-2, -1, 0, 0, 0, 501, 0, 0, -minus, minus, 0),
        (23, 2, 1, 2, 0, 0, 0, 0, plus - minus, plus + minus, mass),
        (11, 1, 3, 3, 0, 0, px, py, z[0], energy[0], 0.000511),
        (-11, 1, 3, 3, 0, 0, -px, -py, z[1], energy[1], 0.000511),
    ]
    process = "?" if damaged else "1"
    lines = [" ".join([*map(str, row[:6]), *(f"{value:.10e}" for value in row[6:]), "0. 9."]) for row in rows]
    return "\n".join(["<event>", f"5 {process} 1.0 91.19 0.0078 0.118", *lines, "</event>", ""])


def z_events(count: int, damaged: Collection[int] = ()) -> str:
    """A whole file."""
    rng = np.random.default_rng(1)
    return HEAD + "".join(z_event(rng, damaged=i in damaged) for i in range(count)) + TAIL
