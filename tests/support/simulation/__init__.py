"""The simulated world: a clock, a wire, an MQTT broker, Kafka, and faults, all by one seed."""
