"""Which session runs on which pod, and what becomes of it. Pure: no I/O, no clock."""
