"""How long jobs show themselves while they run."""
