"""From hits to what physics asks for: clusters of a planar calorimeter, and their corrections."""
