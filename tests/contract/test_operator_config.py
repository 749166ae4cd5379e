"""What the operator writes, the bridge reads: by its own reader, to the same configuration."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.app import pod_name
from mqtt_kafka_bridge.config_file import load
from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.translate import Translation, translate
from tests.support.bridges import bridge, full_bridge, mapping, rendered
from tests.support.manifests import Manifest, whole_bridges

EXAMPLES = list(whole_bridges())
FOLDER = Path("/etc/mqtt-kafka-bridge")


def read_back(config: BridgeConfig, folder: Path) -> BridgeConfig:
    """Return what the bridge reads from the file that the operator writes."""
    file = folder / "bridge.yaml"
    file.write_text(Translation(config, ()).file, encoding="utf-8")
    return load(file)


@pytest.mark.parametrize("made", [bridge(), full_bridge()], ids=["minimal", "full"])
def test_the_bridge_reads_what_the_operator_wrote(made: Bridge, tmp_path: Path) -> None:
    config = translate(made).config

    assert read_back(config, tmp_path) == config


@pytest.mark.parametrize(("source", "manifest"), EXAMPLES, ids=[source for source, _ in EXAMPLES])
def test_the_bridge_reads_what_becomes_of_the_examples(
    source: str, manifest: Manifest, tmp_path: Path
) -> None:
    metadata = {"namespace": "default", "uid": source, "generation": 1, **manifest["metadata"]}
    config = translate(Bridge.read({**manifest, "metadata": metadata})).config

    assert read_back(config, tmp_path) == config


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], include_characters="\x7f\x85\u2028\ufeff\U0001f600"),
    min_size=1,
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(key=TEXT, header=TEXT, value=TEXT)
def test_no_text_is_changed_on_its_way(
    tmp_path_factory: pytest.TempPathFactory, key: str, header: str, value: str
) -> None:
    """Whatever YAML thinks of it: line ends, marks, words that look like numbers or truth."""
    key, value = (text.replace("{", "{{").replace("}", "}}") for text in (key, value))
    to = {"topic": "t", "key": key, "headers": {f"x{header}": value}}
    changed = MqttToKafka.model_validate(mapping(to=to))
    config = translate(bridge()).config.model_copy(update={"mqtt_to_kafka": [changed]})

    assert read_back(config, tmp_path_factory.getbasetemp()) == config


def test_the_file_is_where_the_container_looks_for_it() -> None:
    pod = rendered(full_bridge())["Deployment"]["spec"]["template"]["spec"]
    (volume, _), (mount, _) = pod["volumes"], pod["containers"][0]["volumeMounts"]

    assert volume["name"] == mount["name"]
    assert Path(mount["mountPath"]) == FOLDER
    assert pod["containers"][0]["args"] == ["run", str(FOLDER / "bridge.yaml")]


def test_every_file_that_the_configuration_names_is_mounted() -> None:
    config = translate(full_bridge()).config
    ends = (config.mqtt, config.kafka)
    named = {end.authentication.password_file for end in ends if end.authentication}
    named |= {file for end in ends if end.tls for file in end.tls.trusted_certificate_files}

    pod = rendered(full_bridge())["Deployment"]["spec"]["template"]["spec"]
    (_, *secrets) = pod["volumes"][0]["projected"]["sources"]
    mounted = {str(FOLDER / it["path"]) for one in secrets for it in one["secret"]["items"]}

    assert mounted == named


def test_the_port_that_is_probed_is_the_one_that_is_served() -> None:
    made = full_bridge()
    (port,) = rendered(made)["Deployment"]["spec"]["template"]["spec"]["containers"][0]["ports"]

    assert port["containerPort"] == translate(made).config.http.port


def test_a_pod_is_named_by_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes names the host as the pod, and the template can't change that."""
    monkeypatch.setattr("socket.gethostname", lambda: "plant-bridge-7d4b9-x2x5q")
    pod = rendered(full_bridge())["Deployment"]["spec"]["template"]["spec"]

    assert pod_name(translate(full_bridge()).config) == "plant-bridge-7d4b9-x2x5q"
    assert {"hostname", "hostNetwork", "setHostnameAsFQDN"} & set(pod) == set()
