"""The bridge: one process that forwards messages between an MQTT broker and Kafka."""
