"""The window against a plain list: whatever arrives, is finished and is dropped."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.flows.window import Chunk, Window


@dataclass
class Model:
    """What a window should hold: items in order, each with its packet id, and the first number."""

    first: int = 0
    items: list[tuple[str, int | None]] = field(default_factory=list)


def held(window: Window[str]) -> list[tuple[str, int | None]]:
    """Return everything unfinished, by walking the window from its first number on."""
    return [
        (chunk.items[index], chunk.packet_ids[index])
        for chunk, start, stop in window.since(window.first)
        for index in range(start, stop)
    ]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.booleans(), min_size=1, max_size=5)),
        st.tuples(st.just("finish"), st.integers(0, 6)),
        st.tuples(st.just("drop"), st.integers(0, 8)),
        st.tuples(st.just("clear"), st.none()),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(steps)
def test_a_window_holds_what_arrived_and_is_neither_finished_nor_dropped(
    doing: list[tuple[str, object]],
) -> None:
    """Numbers have no gap, order stays, and QoS 0 (no packet id) is never dropped."""
    window, model = Window[str](), Model()
    arrived = 0
    for what, how in doing:
        match what, how:
            case "add", list(flags):
                names = [f"m{arrived + n}" for n in range(len(flags))]
                ids = [arrived + n + 1 if flag else None for n, flag in enumerate(flags)]
                arrived += len(flags)
                assert window.add(names, 10, 0.5, ids, "link").first == model.first + len(
                    model.items
                )
                model.items += zip(names, ids, strict=True)
            case "finish", int(count):
                count = min(count, len(model.items))
                finished = [
                    chunk.items[index]
                    for chunk, start, stop in window.finish(window.first + count)
                    for index in range(start, stop)
                ]
                assert finished == [name for name, _ in model.items[:count]]
                model.first, model.items = model.first + count, model.items[count:]
            case "drop", int(kept):
                kept = min(kept, len(model.items))
                stay = [each for each in model.items[kept:] if each[1] is None]
                dropped = window.drop(
                    window.first + kept, lambda chunk, i: chunk.packet_ids[i] is not None
                )
                assert dropped == len(model.items) - kept - len(stay)
                model.items = [*model.items[:kept], *stay]
            case _:
                assert window.clear() == len(model.items)
                model.first, model.items = model.first + len(model.items), []
        assert held(window) == model.items
        assert (window.first, len(window)) == (model.first, len(model.items))
        assert window.next == model.first + len(model.items)
        assert window.size == sum(chunk.size for chunk in window.chunks())
        assert bool(window.size) == bool(model.items), "bytes are held for nothing"
        for number, (name, _) in enumerate(model.items, model.first):
            assert window.chunk_of(number).item(number) == name


def test_a_chunk_counts_until_its_last_item_is_finished() -> None:
    """Its bytes are one read's: they can't be divided."""
    window: Window[str] = Window()
    window.add(["a", "b"], 10, 0.0)

    window.finish(1)
    assert window.size == 10
    window.finish(2)
    assert window.size == 0


def test_a_chunk_that_is_cut_behind_what_is_finished_is_gone_with_its_bytes() -> None:
    """Nothing would ever finish it, and its share would stay used."""
    window: Window[str] = Window()
    window.add(["a", "b"], 10, 0.0)
    window.finish(1)

    assert window.drop(1, lambda _chunk, _index: True) == 1

    assert (window.size, list(window.chunks())) == (0, [])


def test_what_stays_of_a_cut_chunk_keeps_where_and_when_it_came_from() -> None:
    """The acknowledgement has to go to the link that brought it."""
    window: Window[str] = Window()
    window.add(["a", "b", "c"], 10, 3.5, [1, None, 3], "link")

    window.drop(1, lambda chunk, index: chunk.packet_ids[index] == 3)

    assert list(window.chunks()) == [
        Chunk(0, ["a"], 4, 3.5, [1], "link"),
        Chunk(1, ["b"], 4, 3.5, [None], "link"),
    ]


def test_items_without_packet_ids_can_be_dropped_in_part() -> None:
    """Records from Kafka have none."""
    window: Window[str] = Window()
    window.add(["a", "b", "c"], 10, 0.0)

    assert window.drop(0, lambda _chunk, index: index == 1) == 1

    assert [chunk.items for chunk in window.chunks()] == [["a", "c"]]
