"""Which messages the bridge has promised to forward, while its configuration is edited."""

from collections import defaultdict

from tests.support.simulation.editions import Edition
from tests.support.simulation.plan import Plan


class Promises:
    """The configuration as its author has it, and since when pods keep to it.

    What an edit newly asks for is promised when a pod with it has subscribed; what it asks for no
    more is not promised from the edit on.
    """

    def __init__(self, plan: Plan) -> None:
        self._editions = [Edition.first(plan)]
        self._ids = [self.edition.client_ids]
        self._since: dict[str, int] = defaultdict(int)
        """Mapping to the index of the edition that it is subscribed by."""

    @property
    def edition(self) -> Edition:
        """The newest one."""
        return self._editions[-1]

    @property
    def client_ids(self) -> set[str]:
        """The sessions that there are to be in the end."""
        return self._ids[-1]

    @property
    def per_key(self) -> bool:
        """Whether order was asked for all the time."""
        return all(edition.sessions == 0 for edition in self._editions)

    def edit(self, edition: Edition) -> None:
        """Let pods that start from now on have another configuration."""
        self._editions.append(edition)
        self._ids.append(edition.client_ids)

    def subscribed(self, edition: Edition, client_id: str) -> None:
        """Note that a pod has subscribed."""
        index = self._editions.index(edition)
        mapping = client_id.split(".")[2]
        if client_id in self._ids[index]:
            self._since[mapping] = max(self._since[mapping], index)

    def made(self, topic: str) -> bool:
        """Tell whether a message that is published now has to be forwarded, if it is queued."""
        mapping = "rooms" if topic.startswith("room/") else "lines"
        return all(each.promises(topic) for each in self._editions[self._since[mapping] :])
