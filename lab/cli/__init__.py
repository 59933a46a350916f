"""The command line: arguments, printing, exit codes. One module for each panel of `lab --help`.

Heavy libraries (python-on-whales, nats-py, pydantic) are imported inside the commands that need them.
"""
