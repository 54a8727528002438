"""Software bills of materials: one CycloneDX document for each image, made from its lock."""
from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.markers import Marker

from imgclass import __version__
from scripts.audit.images import images
from scripts.audit.licences import listed
from scripts.audit.requirements import Pin, read_lock

FOLDER = Path("build", "sbom")
# What the images run on, as far as the markers of locked releases ask.
PLATFORM = {
    "implementation_name": "cpython", "os_name": "posix", "platform_machine": "x86_64",
    "platform_python_implementation": "CPython", "platform_system": "Linux",
    "python_full_version": "3.13.0", "python_version": "3.13", "sys_platform": "linux",
}


def write_sboms(root: Path) -> list[Path]:
    """Write build/sbom/<image>.json for every image; the same locks give the same bytes."""
    folder, licences, written = root / FOLDER, listed(root), []
    folder.mkdir(parents=True, exist_ok=True)
    for image, lock in images(root).items():
        path = folder / f"{image}.json"
        path.write_text(document(image, read_lock(lock), licences), encoding="utf-8")
        written.append(path)
    return written


def document(image: str, pins: Iterable[Pin], licences: Mapping[str, str]) -> str:
    """The SBOM of an image that installs these releases, as CycloneDX 1.6 JSON."""
    pins = [pin for pin in pins if not pin.marker or Marker(pin.marker).evaluate(PLATFORM)]
    whole = Component(name=f"imgclass-{image}", version=__version__, bom_ref=f"imgclass-{image}",
                      type=ComponentType.APPLICATION)
    whole.licenses.add(LicenseFactory().make_from_string("MIT"))
    parts = {pin.name: _component(pin, licences.get(pin.name, "")) for pin in pins}
    bom = Bom(components=parts.values())
    bom.metadata.component = whole
    bom.register_dependency(whole, [parts[pin.name] for pin in pins
                                    if any(via.startswith("-r ") for via in pin.via)])
    for name, part in parts.items():
        bom.register_dependency(part, [parts[pin.name] for pin in pins if name in pin.via])
    content = json.loads(JsonV1Dot6(bom).output_as_string())
    # Neither time nor chance: the number names the content.
    del content["metadata"]["timestamp"], content["serialNumber"]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    content["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_OID, digest).urn
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _component(pin: Pin, licence: str) -> Component:
    """One release; any of its files may be the one that is installed."""
    purl = PackageURL("pypi", None, pin.name, pin.version)
    component = Component(
        name=pin.name, version=pin.version, type=ComponentType.LIBRARY, purl=purl,
        bom_ref=purl.to_string(), external_references=[ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(purl.to_string()),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)
                    for digest in pin.hashes])])
    if licence:
        component.licenses.add(LicenseFactory().make_from_string(licence))
    return component
