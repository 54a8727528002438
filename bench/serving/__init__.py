"""How fast pictures are answered, beside the bare loop and a usual server: `make bench`."""
