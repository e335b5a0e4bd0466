"""Accept and reject: a classifier against Geant4 decides which of a generator's showers are taken."""
