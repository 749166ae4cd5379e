"""Measure the bridge: a load source, a sink, a baseline, a peer, and the protocol between them.

Run by `make bench`; `python -m bench --help` lists what can be measured.
"""
