"""gather: showers out of a library, mirrored and scaled on the way."""
