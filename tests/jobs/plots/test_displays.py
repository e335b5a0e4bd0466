"""Single showers beside each other."""

from __future__ import annotations

import numpy as np
import torch

from monsoon.jobs.plots.displays import FAINTEST_PIXEL_MEV, nearest_rows, shower_panels
from monsoon.jobs.plots.style import png, styled
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions


def test_every_shower_has_a_panel_with_its_sum_on_one_scale() -> None:
    grid = Planar()
    faint, bright = np.zeros(grid.voxels, np.float32), np.zeros(grid.voxels, np.float32)
    faint[[0, 1]] = 2.0, FAINTEST_PIXEL_MEV / 2
    bright[grid.voxels // 2] = 500.0
    with styled():
        figure = shower_panels({"Geant4": faint, "odd $name$": bright}, (3.0, -4.0), grid)
        assert png(figure).startswith(b"\x89PNG")
    first, second = figure.axes[:2]
    assert first.get_title() == "Geant4\n2 MeV in 2 pixels"
    assert second.get_title() == "odd \\$name\\$\n500 MeV in 1 pixels"
    images = [axes.get_images()[0] for axes in (first, second)]
    assert images[0].get_clim() == images[1].get_clim() == (FAINTEST_PIXEL_MEV, 500.0)
    assert np.ma.count(images[0].get_array()) == 1  # the pixel below the faintest is left white
    for axes in (first, second):
        (cross,) = axes.get_lines()
        assert cross.get_xydata().tolist() == [[3.0, -4.0]]


def test_rows_come_by_their_distance_in_energy_and_only_where_they_are_eligible() -> None:
    energy = torch.tensor([10.0, 40.0, 21.0, 20.0, 19.0]) * 1000
    conditions = Conditions(
        torch.tensor([22, 22, 22, 11, 22], dtype=torch.int32), energy, torch.zeros(5, 3), torch.zeros(5, 2)
    )
    eligible = torch.tensor([True, True, True, True, False])
    assert nearest_rows(conditions, 22, 20e3, eligible) == [2, 0, 1]
    assert nearest_rows(conditions, 13, 20e3, eligible) == []
