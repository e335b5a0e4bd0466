"""Job scripts that are run as they stand, and say what they found."""
