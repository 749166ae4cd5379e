"""The CRD as a file, and its copy in the chart."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from mqtt_kafka_operator.api.spec import PLURAL
from mqtt_kafka_operator.crd import custom_resource_definition
from tools.markdown import COMMAND

CRD_FILE = Path(f"crds/{PLURAL}.yaml")
CHART_FILE = Path("helm/mqtt-kafka-operator/templates/crd.yaml")
NOTICE = f"# Generated from the models of the API; change those, then run `{COMMAND}`.\n"


class _Dumper(yaml.SafeDumper):
    """Writes what stands twice twice: kubectl and people read it better than references."""

    def ignore_aliases(self, data: object) -> bool:
        """Return that nothing is referred to."""
        del data
        return True


def crd_files() -> dict[Path, str]:
    """Return the text of each."""
    crd = custom_resource_definition()
    return {CRD_FILE: NOTICE + _text(crd), CHART_FILE: chart_template(crd)}


def chart_template(crd: dict[str, Any]) -> str:
    """Return the CRD as Helm renders it: kept when the release goes, changed when it is upgraded.

    Helm installs what is in a chart's `crds/` once and never again; so it is a template.
    """
    copy = deepcopy(crd)
    copy["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    text = _text(copy).replace("{{", "\0").replace("}}", '{{ "}}" }}').replace("\0", '{{ "{{" }}')
    return f"{{{{- if .Values.crd.create }}}}\n{NOTICE}{text}{{{{- end }}}}\n"


def _text(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
