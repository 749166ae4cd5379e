"""The cache: bounded, and what is used stays."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.mapping.caches import TwoGenerations


def test_what_is_used_stays_and_what_is_not_is_forgotten() -> None:
    cache: TwoGenerations[str, int] = TwoGenerations(4)
    young = cache.young
    cache.put("used", 1)
    cache.put("unused", 2)
    for number in range(10):
        cache.put(f"new {number}", number)
        assert cache.find("used") == 1
    assert cache.find("unused") is None
    assert cache.young is young


def test_a_known_key_takes_a_new_value_and_no_new_room() -> None:
    cache: TwoGenerations[str, int] = TwoGenerations(2)
    cache.put("a", 1)
    cache.put("a", 2)
    assert cache.find("a") == 2
    assert len(cache) == 1


def test_clear_forgets_everything() -> None:
    cache: TwoGenerations[int, int] = TwoGenerations(2)
    for number in range(3):
        cache.put(number, number)
    cache.clear()
    assert len(cache) == 0
    assert cache.find(2) is None


@settings(deadline=None)
@given(st.integers(1, 20), st.lists(st.integers(0, 50)))
def test_it_never_holds_more_than_its_capacity(capacity: int, keys: list[int]) -> None:
    cache: TwoGenerations[int, int] = TwoGenerations(capacity)
    for key in keys:
        if cache.find(key) is None:
            cache.put(key, key)
        assert cache.find(key) == key
        assert len(cache) <= max(2, capacity)
