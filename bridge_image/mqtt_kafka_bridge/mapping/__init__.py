"""What a message becomes on the other side. Pure: no I/O, no clock, no library but pydantic."""
