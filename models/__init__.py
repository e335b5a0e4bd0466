"""One particle -> one shower. This package knows no detector, no event and no ray."""
