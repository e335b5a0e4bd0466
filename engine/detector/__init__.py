"""The calorimeter: its description, the way from a place to a cell, and its electronics."""
