"""The peers: a file each, the best that its tool can do for the same result."""
