"""The campaign's driver and workers on Ray. No other package of the engine imports ray."""
