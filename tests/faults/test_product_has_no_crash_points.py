"""The product ignores crash points: no setting, argument or environment variable reaches them."""

import ast
from collections.abc import Callable
from pathlib import Path

import mqtt_kafka_bridge
from tests.support.bridge import Bridge
from tests.support.site import Inbound, Outbound, Site, load
from tests.support.waiting import eventually

MakeBridge = Callable[..., Bridge]
PACKAGE = Path(mqtt_kafka_bridge.__file__).parent
POINTS = (
    "after_produce_before_puback",
    "after_puback",
    "after_puback_before_commit",
    "after_commit",
)


def test_nothing_in_the_product_sets_a_crash_point() -> None:
    """The attribute has its one value where it is defined, in a module that can't look around."""
    assigned, reached = [], set()
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            match node:
                case ast.Name(id="crash_point", ctx=ast.Store()):
                    assigned.append(file.name)
                case ast.Attribute(attr="crash_point", ctx=ast.Store()):
                    assigned.append(file.name)
                case ast.Constant(value="crash_point"):  # setattr by name
                    assigned.append(file.name)
                case ast.Call(func=ast.Attribute(attr="crash_point"), args=[ast.Constant(value)]):
                    reached.add(value)
    assert assigned == ["crash_points.py"]
    assert reached == set(POINTS), "a point without a test, or a test without a point"
    module = ast.parse((PACKAGE / "flows" / "crash_points.py").read_text())
    imports = [node for node in ast.walk(module) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["from collections.abc import Callable"]


def test_a_bridge_that_is_told_to_crash_forwards(
    site: Site, unique: str, make_bridge: MakeBridge
) -> None:
    """By every environment variable that somebody may guess; all points are passed."""
    inbound, outbound = Inbound(site, unique), Outbound(site, unique)
    bridge = make_bridge(site.config(inbound, outbound))
    for name in ("CRASH_POINT", "CRASH_POINTS", "CRASH_AT", "BRIDGE_CRASH_POINT"):
        bridge.environment |= {name: ",".join(POINTS), f"MQTT_KAFKA_{name}": POINTS[0]}
    bridge.up()
    with load(site.background, 100, inbound, outbound):
        eventually(lambda: inbound.ledger.safe_count > 100, 10)
    inbound.complete()
    outbound.complete()
    assert outbound.check_wire()
    assert bridge.terminate() == 0


def test_a_configuration_with_a_crash_point_is_refused(
    site: Site, unique: str, make_bridge: MakeBridge
) -> None:
    """There is no such setting."""
    config = site.config(Inbound(site, unique))
    bridge = make_bridge({**config, "crashPoint": POINTS[0]})
    bridge.launch()
    assert bridge.wait(20) == 2
    assert "crashPoint" in bridge.log
