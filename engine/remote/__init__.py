"""The only room of the engine that imports ray."""
