"""Judge what a sink received: pure arithmetic over device and message numbers."""

from dataclasses import asdict, dataclass

import numpy as np

from bench.messages import Ints


@dataclass(frozen=True)
class Verdict:
    """What a sink's content shows. Only `received` is good when it is not zero."""

    received: int
    lost: int
    duplicates: int
    foreign: int
    """Messages that were never sent."""
    out_of_order: int
    """First occurrences that came after a later message of their key, within one partition."""
    scattered_keys: int
    """Devices whose messages stand in more than one partition: there no order exists at all."""
    wrong_keys: int = 0
    """Records without the key that the mapping asks for."""
    wrong_partitions: int = 0
    """Records not in the partition that Java's murmur2 gives for their key."""
    wrong_topics: int = 0
    """MQTT messages on another topic than the mapping asks for."""

    @property
    def faults(self) -> dict[str, int]:
        """The counts that should be zero and are not."""
        counts: dict[str, int] = asdict(self)
        return {name: count for name, count in counts.items() if count and name != "received"}


def judge(
    device: Ints, number: Ints, partition: Ints | None, *, topics: int, sent: int, **wrong: int
) -> Verdict:
    """Compare what was received, in the order in which it stands, with messages 0 to `sent` - 1."""
    index = number * topics + device
    known = (device >= 0) & (device < topics) & (index >= 0) & (index < sent)
    if partition is None:
        partition = np.zeros(len(device), dtype=np.int64)
    foreign = int(np.count_nonzero(~known))
    device, index, partition = device[known], index[known], partition[known]
    seen = np.bincount(index, minlength=sent)
    homes = np.unique(partition * topics + device) % topics
    return Verdict(
        received=len(known),
        lost=int(np.count_nonzero(seen == 0)),
        duplicates=int(np.maximum(seen - 1, 0).sum()),
        foreign=foreign,
        out_of_order=_out_of_order(partition * topics + device, index, sent),
        scattered_keys=int(np.count_nonzero(np.bincount(homes, minlength=topics) > 1)),
        **wrong,
    )


def _out_of_order(group: Ints, index: Ints, sent: int) -> int:
    """Count first occurrences below the highest index before them in their group."""
    _, first = np.unique(index, return_index=True)
    first.sort()
    group, index = group[first], index[first]
    by_group = np.argsort(group, kind="stable")
    rank = group[by_group] * (sent + 1) + index[by_group]
    return int(np.count_nonzero(rank < np.maximum.accumulate(rank))) if len(rank) else 0
