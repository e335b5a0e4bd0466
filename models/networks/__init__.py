"""The few torch modules that families share."""
