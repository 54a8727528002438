"""The command line. It speaks HTTP; only `up`, `down`, `status`, `clean-data`
and `token` know the stack on this machine.
"""
