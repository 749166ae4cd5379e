"""From what happened to what should be: the verb, and the rounds that call it unasked."""

from mqtt_kafka_operator.reconcile.reconciler import Reconciler
from mqtt_kafka_operator.reconcile.rounds import Rounds

__all__ = ["Reconciler", "Rounds"]
