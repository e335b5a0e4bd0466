"""How p(shower | condition) is learned: one family a file or folder."""
