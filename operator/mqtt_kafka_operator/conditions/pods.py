"""Why pods do not run: what Kubernetes says of them, in words that name the cure."""

import json
import re
from collections.abc import Iterator

from mqtt_kafka_bridge.contract import BridgeStatus
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.conditions.telling import Told
from mqtt_kafka_operator.conditions.verdict import bounded, sentence, some
from mqtt_kafka_operator.facts import Container, Ending, Facts, Pod

EXIT_CODES = {
    0: ("it stopped by itself, which it should not do", "see its log"),
    1: ("a bug of the bridge (exit code 1)", "please report it, with its log"),
    2: (
        "it can't use its configuration or its port (exit code 2)",
        "run operator and bridge image of one version; see what spec.template takes away",
    ),
    3: (
        "it did not finish in time what was under way (exit code 3)",
        "raise limits.drain, or see why a broker is slow",
    ),
    137: (
        "it was killed (exit code 137)",
        "kubectl describe pod {pod}: the node lacks memory, or the liveness probe failed",
    ),
}
"""What the bridge's exit codes mean, and what to do; 137 is SIGKILL."""
_WORST_FIRST = (
    OperatorReason.OUT_OF_MEMORY,
    OperatorReason.PODS_CRASHING,
    OperatorReason.IMAGE_NOT_PULLED,
    OperatorReason.POD_NOT_STARTED,
    OperatorReason.UNSCHEDULABLE,
)
_WAITING_FOR_IMAGE = re.compile(r"Image|Registry")
_STARTS = frozenset({"", "ContainerCreating", "PodInitializing"})
_MOST_BYTES_OF_WORDS = 300
_COUNTS = re.compile(r"\b\d+(/\d+)? ")
_POD_NAME = re.compile(r'pods "([^"]+?)-[a-z0-9]{5}"')


def pods_concern(facts: Facts) -> Told | None:
    """Return why pods that should run do not; None if nobody says so."""
    if facts.workload is not None and facts.workload.refusal:
        # A refused pod has another name each time.
        refusal = _POD_NAME.sub(r'pods "\1-"', facts.workload.refusal)
        cure = "raise the quota, or set in spec.template what the rule asks for"
        text = sentence(f"Kubernetes makes no pod: {refusal}", cure)
        return Told(OperatorReason.PODS_REFUSED.value, bounded(text))
    found = [
        (_WORST_FIRST.index(reason), pod.name, Told(reason.value, bounded(text)))
        for pod in facts.staying
        if not pod.ready
        for reason, text in _troubles(pod, answers=_answers(facts, pod))
    ]
    return min(found)[2] if found else None


def _answers(facts: Facts, pod: Pod) -> bool:
    return isinstance(facts.answers.get(pod.name), BridgeStatus)


def _troubles(pod: Pod, *, answers: bool) -> Iterator[tuple[OperatorReason, str]]:
    if pod.unschedulable:
        what = f"no node takes pod {pod.name}: {_causes(pod.unschedulable)}"
        cure = "make room, or change resources, affinity or tolerations in spec.template"
        yield OperatorReason.UNSCHEDULABLE, sentence(what, cure)
    for container in pod.containers:
        if container.ready:
            continue
        if container.waiting == "CrashLoopBackOff" or _has_failed(container, answers=answers):
            yield _crash(pod, container)
        elif _WAITING_FOR_IMAGE.search(container.waiting):
            # Kubernetes' own words come and go here, between two tries.
            what = f"pod {pod.name} can't get the image {container.image}"
            cure = (
                "correct its name, or spec.template.spec.imagePullSecrets;"
                f" why says kubectl describe pod {pod.name}"
            )
            yield OperatorReason.IMAGE_NOT_PULLED, sentence(what, cure)
        elif container.waiting not in _STARTS:
            words = ": ".join(filter(None, (container.waiting, container.waiting_message)))
            what = f"container {container.name} of pod {pod.name} can't be started: {words}"
            yield OperatorReason.POD_NOT_STARTED, sentence(what, f"kubectl describe pod {pod.name}")


def _has_failed(container: Container, *, answers: bool) -> bool:
    """Tell whether it ended badly and nothing shows that it runs again."""
    ended = container.ended
    return (
        ended is not None and (ended.exit_code != 0 or ended.reason == "OOMKilled") and not answers
    )


def _crash(pod: Pod, container: Container) -> tuple[OperatorReason, str]:
    ended = container.ended or Ending(0)
    who = f"container {container.name} of pod {pod.name}"
    if ended.reason == "OOMKilled":
        cure = (
            "raise the memory limit in spec.template, or lower limits.bytesInFlight or"
            " mqtt.receiveMaximum"
        )
        return OperatorReason.OUT_OF_MEMORY, sentence(
            f"{who} used more memory than its limit", cure
        )
    unknown = (f"exit code {ended.exit_code}", "kubectl logs --previous {pod}")
    meaning, cure = EXIT_CODES.get(ended.exit_code, unknown)
    words = last_words(ended.message)
    what = f"{who} ends again and again: {meaning}{f': {words}' if words else ''}"
    return OperatorReason.PODS_CRASHING, sentence(what, cure.format(pod=pod.name))


def last_words(message: str) -> str:
    """Return the last line that a process left, without the frame of a JSON log line."""
    line = next(filter(str.strip, reversed(message.splitlines())), "").strip()
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if isinstance(fields, dict) and isinstance(fields.get("message"), str):
        line = fields["message"]
    return bounded(line, _MOST_BYTES_OF_WORDS)


def _causes(words: str) -> str:
    """Return a scheduler's reasons without the numbers of nodes, which change with every node."""
    text = words.partition(" preemption:")[0].rstrip(". ")
    text = text.partition("nodes are available: ")[2] or text
    return some(sorted({_COUNTS.sub("", cause).strip() for cause in text.split(", ")}))
