"""Storage events: what became of the pictures that were put straight into the bucket."""
