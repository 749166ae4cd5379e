"""The operator: makes Deployments of bridges out of `MqttKafkaBridge` resources.

The way of a change: `handlers` (kopf) -> `queue` -> `reconcile`, which reads the resource into the
models of `api`, has `translate` and `render` say what should be, has `cluster` make it so, and
`conditions` tell how it went. All of it but `cluster`, `bridge_status` and `handlers` is pure.
"""
