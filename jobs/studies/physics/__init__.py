"""Physics quantities of events of held-out Geant4 showers, and of the same events by a model."""
