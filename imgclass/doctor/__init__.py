"""Finding out why something does not work, and saying how to mend it."""
