"""How well two samples of showers agree: one judgement a file."""
