"""place: sum shower images into the cells of their events, in fixed point, where pixels are whole.

The fast way where an image's pixels are those of the detector; `spread` does all others. Visible energy is
rounded to 1/256 MeV per pixel and summed as integers, so that order cannot matter. Cells are int32 and may
wrap; the int64 total that comes with them shows whether any did.
"""

UNITS_PER_MEV = 256
NO_CELL = 0xFFFFFFFF
