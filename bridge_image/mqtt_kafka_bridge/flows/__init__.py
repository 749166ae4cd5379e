"""The flows: from a message's arrival to its acknowledgement, one for each mapping."""
