"""The description of the whole HTTP interface, written by `make reference`."""
