"""What can be seen from outside: counts, states, probes, metrics, logs."""
