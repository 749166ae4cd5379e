"""The program for people: `mqtt-kafka` looks at bridges, and ends what they left."""
