"""Accept and reject: a classifier of showers against Geant4 decides which of a generator's showers are taken."""
