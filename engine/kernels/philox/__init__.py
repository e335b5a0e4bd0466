"""philox: the counter-based random number generator Philox4x32-10."""
