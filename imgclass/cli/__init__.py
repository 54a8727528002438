"""The command line. It speaks HTTP; only `up`, `down`, `status`, `clean-data`, `token` and
`doctor` know the stack on this machine, and only `models init` and `check` the checkout's tools.
"""
