"""The configuration file: YAML or JSON, every mistake at once, each with its line."""

import json
from pathlib import Path

import pytest

from mqtt_kafka_bridge.check import check
from mqtt_kafka_bridge.config_file import ConfigurationError, load, read, unreadable_files
from mqtt_kafka_bridge.contract.base import Contract
from mqtt_kafka_bridge.contract.config import BridgeConfig
from tests.support.certificates import Authority

SOUND = """\
version: 1
name: plant
mqtt: {servers: ["mqtt://127.0.0.1:1883"]}
kafka: {bootstrapServers: ["127.0.0.1:9092"]}
mqttToKafka:
- name: telemetry
  from: {filter: "plant/{line}/{device}/telemetry"}
  to: {topic: plant.telemetry, key: "{device}"}
"""
SAMPLE = Path(__file__).parents[2] / "examples" / "bridge.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a file that holds a sound configuration."""
    path = tmp_path / "bridge.yaml"
    path.write_text(SOUND)
    return path


def told(path: Path, content: str | bytes) -> list[str]:
    """Return what is said of a file, without its folder."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError) as refused:
        load(path)
    return [mistake.sentence(path.name) for mistake in refused.value.mistakes]


def test_yaml_and_json_are_told_by_their_content(file: Path) -> None:
    config = load(file)
    assert config.mqtt_to_kafka[0].to.key == "{device}"
    for indent in (None, 2, "\t"):
        file.write_text("\n" + json.dumps(config.model_dump(mode="json"), indent=indent))
        assert load(file) == config
    file.write_bytes(b"\xef\xbb\xbf" + SOUND.encode())
    assert load(file) == config


def test_words_are_words_and_numbers_are_numbers(file: Path) -> None:
    more = "limits: {bytesInFlight: +25165824}\nloopGuard: FALSE\npod: on\nnamespace: 'no'\n"
    file.write_text(SOUND.replace("name: plant", "name: no") + more)
    config = load(file)
    assert (config.name, config.namespace, config.pod) == ("no", "no", "on")
    assert config.loop_guard is False
    assert config.limits.bytes_in_flight == 25165824


def test_json_keeps_characters_that_it_escapes_in_two_parts(file: Path) -> None:
    data = json.loads(json.dumps(load(file).model_dump(mode="json")))
    data["mqttToKafka"][0]["from"]["filter"] = "plant/\U0001f600"
    data["mqttToKafka"][0]["to"]["key"] = "x"
    file.write_text(json.dumps(data))
    assert load(file).mqtt_to_kafka[0].from_.filter == "plant/\U0001f600"


def test_every_mistake_is_told_with_its_line_in_the_order_of_the_file(file: Path) -> None:
    content = SOUND.replace("name: plant\n", "name: Plant\n").replace("{device}}", "{devise}}")
    content = content.replace('key: "{device}"', 'key: "{devise}"') + "http:\n  prot: 80\nzzz: 1\n"
    assert [one.split(": ")[:2] for one in told(file, content)] == [
        ["bridge.yaml:2", "name"],
        ["bridge.yaml:8", "mqttToKafka[0].to.key"],
        ["bridge.yaml:10", "http.prot"],
        ["bridge.yaml:11", "zzz"],
    ]


def test_what_is_missing_is_told_where_it_should_stand(file: Path) -> None:
    content = SOUND.replace("  to: {topic: plant.telemetry, key", "  to: {key")
    assert told(file, content) == [
        'bridge.yaml:8: mqttToKafka[0].to.topic: is missing; add topic: "plant.telemetry"'
    ]
    assert told(file, SOUND.replace("name: plant\n", ""))[0].startswith("bridge.yaml:1: name: is")


def test_a_key_that_is_written_twice_is_refused(file: Path) -> None:
    assert told(file, SOUND + "name: other\n") == [
        "bridge.yaml:9: name: is written twice, in line 2 and here; keep one of the two"
    ]
    assert told(file, '{"version": 1,\n"version": 1}')[0].startswith("bridge.yaml:1: name")


def test_a_key_without_a_value_is_refused(file: Path) -> None:
    (said,) = told(file, SOUND.replace('9092"]}', '9092"], tls: }'))
    assert said.startswith("bridge.yaml:4: kafka.tls: is empty; write a value ({} for defaults)")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "bridge.yaml: the file holds no keys; begin with the key version: 1"),
        ("# nothing\n", "the file holds no keys"),
        ("- a\n", "bridge.yaml:1: the file holds a list"),
        ("a: [\n", "bridge.yaml:2: is neither YAML nor JSON at column 1"),
        (
            "a: b: c\n",
            "bridge.yaml:1: is neither YAML nor JSON at column 5: mapping values are not allowed",
        ),
        (
            "a:\n\tb: 1\n",
            "bridge.yaml:2: is neither YAML nor JSON at column 1: found character '\\t'",
        ),
        ("a:\n\tb: 1\n", "indent with spaces"),
        ("a: 1\n---\nb: 1\n", "bridge.yaml:2: is neither YAML nor JSON"),
        ("a: 1\n---\nb: 1\n", "write one document: remove the line ---"),
        ("a: *b\n", "bridge.yaml:1: is neither YAML nor JSON at column 4"),
        ('{"a": 1,\n "b"\n', "bridge.yaml:3: is neither YAML nor JSON"),
        (b"a: 1\nb: \xff\n", "bridge.yaml:2: is not UTF-8; save the file as UTF-8"),
        ("a: 1\nb: \x07\n", "bridge.yaml:2: holds the character"),
        ("[" * 5000, "is nested too deeply"),
        ("a: &a [*a]\n", "bridge.yaml:1: a[0]: holds itself; write it out"),
        ("a: !!binary aGk=\n", "bridge.yaml:1: a: has the tag tag:yaml.org,2002:binary"),
        ("a: !x [1]\n", "has the tag !x; write it without a tag"),
        ("a: !x {b: 1}\n", "has the tag !x"),
        ("? [a]\n: b\n", "bridge.yaml:1: has a key that is no plain text"),
    ],
)
def test_what_is_no_configuration_is_told_with_line_and_cure(
    file: Path, content: str | bytes, says: str
) -> None:
    said = told(file, content)
    assert any(says in one for one in said), said


def test_an_alias_stands_for_what_it_names(file: Path) -> None:
    file.write_text(SOUND.replace("name: plant", "name: &a plant\nnamespace: *a"))
    assert load(file).identity == "plant/plant"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: can't be read: No such file"):
        load(tmp_path / "nowhere.yaml")


def secured(folder: Path) -> str:
    """Return a configuration that names a password for each side and two authorities."""
    return f"""\
version: 1
name: plant
mqtt:
  servers: ["mqtts://127.0.0.1"]
  authentication: {{type: password, username: u, passwordFile: {folder}/mqtt-password}}
  tls:
    trustedCertificateFiles:
    - {folder}/ca.pem
    - {folder}/other.pem
kafka:
  bootstrapServers: ["127.0.0.1:9092"]
  authentication: {{type: plain, username: u, passwordFile: {folder}/kafka-password}}
  tls: {{}}
"""


def test_files_that_can_not_be_used_are_told_with_their_line(file: Path, tmp_path: Path) -> None:
    file.write_text(secured(tmp_path))
    (tmp_path / "mqtt-password").write_text("\n")
    (tmp_path / "other.pem").write_text("no certificate")
    loaded = read(file)
    found = [loaded.located(m).sentence("f") for m in unreadable_files(loaded.config)]
    assert [one.split(": ")[:2] for one in found] == [
        ["f:5", "mqtt.authentication.passwordFile"],
        ["f:8", "mqtt.tls.trustedCertificateFiles[0]"],
        ["f:9", "mqtt.tls.trustedCertificateFiles[1]"],
        ["f:12", "kafka.authentication.passwordFile"],
    ]
    assert "is empty; write the password into it" in found[0]
    assert "can't be read: No such file" in found[1]
    assert "holds no certificate" in found[2]


def test_check_says_that_a_file_is_valid(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(file) == 0
    counts = "1 mapping (1 from MQTT to Kafka, 0 from Kafka to MQTT)"
    assert capsys.readouterr() == (f"{file}: valid: {counts}\n", "")


def test_check_prints_every_mistake_one_a_line(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(SOUND + "a: 1\nb: 2\n")
    assert check(file) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[1] for line in err.splitlines()] == ["a", "b"]


def test_check_tells_where_coordination_is_contradictory(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka = 'kafka: {bootstrapServers: ["127.0.0.1:9092"]}\n'
    more = "  coordination:\n    type: None\n    create: false\n"
    file.write_text(SOUND.replace(kafka, f"kafka:\n  bootstrapServers: [h:1]\n{more}"))
    assert check(file) == 2
    line = file.read_text().splitlines().index("  coordination:") + 1
    assert capsys.readouterr().err == (
        f"{file}:{line}: kafka.coordination: has create, which type None does not use; "
        "remove create, or write type: Kafka\n"
    )


def test_check_looks_at_the_files_that_are_named(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(secured(tmp_path))
    assert check(file) == 2
    assert capsys.readouterr().err.count("can't be read") == 4
    for name in ("mqtt-password", "kafka-password"):
        (tmp_path / name).write_text("secret\n")
    certificate = Authority(tmp_path / "authority").certificate_file.read_bytes()
    for name in ("ca.pem", "other.pem"):
        (tmp_path / name).write_bytes(certificate)
    assert check(file) == 0
    assert "secret" not in "".join(capsys.readouterr())


def _written(model: type[Contract], data: object, path: str = "") -> set[str]:
    """Return every field of a model that the sample leaves out."""
    assert isinstance(data, dict)
    missing = set()
    for info in model.model_fields.values():
        name = f"{path}.{info.alias}"
        if info.alias not in data:
            missing.add(name)
            continue
        value = data[info.alias]
        inner = [value[0]] if isinstance(value, list) and value else [value]
        found = [
            part for part in _models(info.annotation) for _ in inner if isinstance(inner[0], dict)
        ]
        for part in found:
            missing |= _written(part, inner[0], name)
    return missing


def _models(annotation: object) -> list[type[Contract]]:
    if isinstance(annotation, type) and issubclass(annotation, Contract):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models(part)]


def test_the_sample_is_sound_and_shows_every_field() -> None:
    loaded = read(SAMPLE)
    left_out = _written(BridgeConfig, loaded.document.data)
    assert left_out == {".kafka.tls.trustedCertificateFiles", ".kafka.tls.serverName"}
