"""What can go wrong with the test grid."""


class GridError(Exception):
    """The grid can't do what was asked; the message says why, for a person."""
