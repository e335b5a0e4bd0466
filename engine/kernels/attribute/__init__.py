"""attribute: which particle gave how much of each hit, in the fixed point of `place`."""
