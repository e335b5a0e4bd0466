"""How well two samples of showers agree: one measure in each file."""
