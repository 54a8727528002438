"""The YAML of deploy/, read strictly and held against schemas that know no other fields."""
from __future__ import annotations

import copy
import json
import re
from collections.abc import Hashable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
# The schemas that kubernetes-validate brings, and reads anew for every object.
KUBERNETES_SCHEMAS = Path(kubernetes_validate.__file__).parent.joinpath(
    "kubernetes-json-schema", "v1.32.0-local-strict")
SCHEMAS = Path(__file__).with_name("deployment_schemas.yml")

# Files that are no objects of Kubernetes, and the schema of each.
OTHERS = {
    "stack.yml": "stack",
    "deploy/openfaas/stack.pro.yml": "stack",
    "template/*/template.yml": "template",
    "deploy/openfaas/values.yaml": "values",
    "deploy/knative/references.yaml": "references",
    "deploy/prometheus/prometheus.yml": "prometheus",
    "deploy/prometheus/rules.yml": "rules",
    "deploy/grafana/provisioning/datasources/*.yml": "datasources",
    "deploy/grafana/provisioning/dashboards/*.yml": "dashboards",
}
# Kinds that are no part of Kubernetes itself.
ADDED = {
    "kustomize.config.k8s.io/v1beta1/Kustomization": "Kustomization",
    "kustomize.config.k8s.io/v1alpha1/Component": "Component",
    "serving.knative.dev/v1/Service": "KnativeService",
    "gateway.networking.k8s.io/v1/HTTPRoute": "HTTPRoute",
    "gateway.networking.k8s.io/v1beta1/ReferenceGrant": "ReferenceGrant",
}
# What Knative's pod has beside the fields of every pod.
KNATIVE_POD = {
    "containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds", "idleTimeoutSeconds"}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, of which YAML's readers keep the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if key.value != "<<"]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def files() -> list[Path]:
    """Every YAML file of a deployment."""
    found = [path for folder in (DEPLOY, ROOT / "template") for path in folder.rglob("*.y*ml")]
    return sorted([*found, *ROOT.glob("stack*.y*ml")])


def read(path: Path) -> list[Any]:
    """The documents of a file; those of a List one by one."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> list[Any]:
    """The documents of a text. Raises yaml.YAMLError."""
    documents = [each for each in yaml.load_all(text, StrictLoader) if each is not None]
    return [copy.deepcopy(item) for each in documents for item in (
        each["items"] if isinstance(each, dict) and each.get("kind") == "List" else [each])]


def read_stack(path: Path, **variables: str) -> Any:
    """A stack file as faas-cli reads it, which fills in variables of its environment first."""
    text = re.sub(r"\$\{(\w+)(?::-([^}]*))?\}",
                  lambda found: variables.get(found[1]) or found[2] or "",
                  path.read_text(encoding="utf-8"))
    (document,) = parse(text)
    return document


def schema_of(path: Path) -> str | None:
    """The schema of a file that holds no objects of Kubernetes."""
    relative = path.relative_to(ROOT)
    return next((name for pattern, name in OTHERS.items() if relative.match(pattern)), None)


def objections(document: Any, schema: str | None = None) -> list[str]:
    """What is wrong with a document: an object of Kubernetes, unless a schema is named."""
    if schema is None:
        schema = ADDED.get(f"{document['apiVersion']}/{document['kind']}")
    if schema is None:
        return _objections_of_kubernetes(document)
    found = [_said(error) for error in _validator(schema).iter_errors(document)]
    if schema == "KnativeService" and not found:
        found = _objections_of_kubernetes(_pod(document["spec"]["template"]))
    return found


def _objections_of_kubernetes(document: Any) -> list[str]:
    group, _, version = document["apiVersion"].rpartition("/")
    kind = "-".join(filter(None, [document["kind"].lower(), group.split(".")[0], version]))
    if not (KUBERNETES_SCHEMAS / f"{kind}.json").is_file():
        return [f"{document['apiVersion']} has no kind {document['kind']}"]
    return [_said(error) for error in _kubernetes_validator(kind).iter_errors(document)]


def _pod(template: Any) -> dict[str, Any]:
    """A pod as Knative makes it, with the one port of its container for all probes."""
    spec = {name: copy.deepcopy(value) for name, value in template["spec"].items()
            if name not in KNATIVE_POD}
    for probe in PROBES:
        for container in spec.get("containers", []):
            container.get(probe, {}).get("httpGet", {}).setdefault("port", 8080)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": template.get("metadata", {}),
            "spec": spec}


def _said(error: jsonschema.ValidationError) -> str:
    return f"{'.'.join(map(str, error.absolute_path))}: {error.message}"


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    (schemas,) = read(SCHEMAS)
    schema = {"$defs": schemas["$defs"], **schemas[name]}
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@cache
def _kubernetes_definitions() -> Registry[Any]:
    text = (KUBERNETES_SCHEMAS / "_definitions.json").read_text(encoding="utf-8")
    return Registry().with_resource(
        "_definitions.json", Resource.from_contents(json.loads(text), DRAFT202012)).crawl()


@cache
def _kubernetes_validator(kind: str) -> jsonschema.Draft202012Validator:
    text = (KUBERNETES_SCHEMAS / f"{kind}.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(
        json.loads(text), registry=_kubernetes_definitions())


def pods(document: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The pods a document describes: the metadata and the spec of each."""
    spec = document.get("spec") or {}
    template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
    if isinstance(template, dict) and "containers" in template.get("spec", {}):
        yield template.get("metadata", {}), template["spec"]
