"""Who gets a message from the simulated broker: filters, shared subscriptions, retained ones."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random

from tests.support.simulation.sessions import BrokerSession, Granted, Message

_SHARE = "$share/"


def matches(filter_text: str, topic: str) -> bool:
    """Tell whether a topic filter (with + and #, not a shared one) matches a topic."""
    wanted, levels = filter_text.split("/"), topic.split("/")
    for index, want in enumerate(wanted):
        if want == "#":
            return True
        if index >= len(levels) or want not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)


def is_shared(pattern: str) -> bool:
    """Tell whether a subscription shares messages with others."""
    return pattern.startswith(_SHARE)


def plain(pattern: str) -> str:
    """Return the filter in a pattern, shared or not."""
    return pattern.split("/", 2)[2] if is_shared(pattern) else pattern


class Routing:
    """Finds the sessions that a message is for.

    Args:
        rng: picks the members of shared subscriptions.
        offline_members_too: whether a member without connection is given its share, too.
    """

    def __init__(self, rng: Random, *, offline_members_too: bool) -> None:
        self.retained: dict[str, Message] = {}
        self._rng = rng
        self._offline_members_too = offline_members_too

    def targets(
        self, message: Message, sessions: Iterable[BrokerSession], now: float
    ) -> Iterator[tuple[BrokerSession, int]]:
        """Yield each session that gets the message, and at which QoS."""
        shares: dict[str, list[tuple[BrokerSession, Granted]]] = {}
        for session in sessions:
            qos = -1
            for pattern, granted in session.subscriptions.items():
                if now < granted.known_at or not matches(plain(pattern), message.topic):
                    continue
                if is_shared(pattern):
                    shares.setdefault(pattern, []).append((session, granted))
                else:
                    qos = max(qos, granted.qos)
            if qos >= 0:
                yield session, min(qos, message.qos)
        for members in shares.values():
            online = [member for member in members if member[0].connection is not None]
            everybody = self._offline_members_too or not online
            session, granted = self._rng.choice(members if everybody else online)
            yield session, min(granted.qos, message.qos)

    def retained_for(self, pattern: str) -> list[Message]:
        """Return what is retained for a subscription; a shared one gets nothing [MQTT5 4.8.2]."""
        if is_shared(pattern):
            return []
        return [
            replace(message, qos=1, retain=True)
            for message in self.retained.values()
            if matches(pattern, message.topic)
        ]

    def dropped(self, session: BrokerSession, pattern: str) -> list[Message]:
        """Return what is queued because of a subscription that is gone, and of no other."""
        left = [plain(other) for other in session.subscriptions]
        return [
            message
            for message in session.queue
            if matches(plain(pattern), message.topic)
            and not any(matches(other, message.topic) for other in left)
        ]
