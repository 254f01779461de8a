"""Where records are kept: an index of the objects, for lists and counts, that can be rebuilt from them."""
