"""The AsyncAPI 3.0 description of the queue, made from the models that write and read it.

`python -m pipeline.events.asyncapi > docs/asyncapi.yaml` renews the published file; a test
compares the two.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from ruamel.yaml import YAML

from pipeline.events.message import EVENT_TYPE_PREFIX, IncidentEvent

_FLAT = {
    "event": "The CloudEvents 1.0 event in structured JSON mode; all other fields repeat it",
    "type": f"Event type, e.g. {EVENT_TYPE_PREFIX}started.v1",
    "id": "Event id; with `source` it names the event, twice the same pair is a duplicate",
    "source": "/skygrid/<site>",
    "incident_id": "Incident",
    "incident_type": "street_vending, garbage, overflowing_bin, missing_helmet, crowding, …",
    "camera": "Camera of the leading sighting",
    "view": "View of the leading sighting",
    "zone": "Zone of the leading sighting",
    "severity": "1 (low) to 4 (urgent), as text",
    "phase": "started, updated, ended, accepted, rejected, reopened, merged or split",
    "dispatch": "due (send it out), waiting (for a person) or withdrawn (call it back)",
    "time": "RFC 3339, UTC, microseconds: compares as text",
    "grid_cell": "Code of the management grid cell, empty when the place is unknown",
}
_DEAD = {
    "dead_reason": "Why the consumer gave up",
    "dead_group": "Consumer group that gave up",
    "dead_entry": "Entry id in skygrid:incidents",
    "dead_deliveries": "How often it was delivered, as text",
}


def document() -> dict[str, Any]:
    """The description as plain values."""
    schema = IncidentEvent.model_json_schema(
        ref_template="#/components/schemas/{model}", mode="serialization"
    )
    schemas = schema.pop("$defs")
    schemas["IncidentEvent"] = schema
    schemas["Entry"] = _entry(_FLAT, required=list(_FLAT))
    schemas["DeadEntry"] = _entry({**_FLAT, **_DEAD}, required=list(_DEAD))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "SkyGrid incidents",
            "version": "1.0.0",
            "description": (
                "Confirmed incidents of a SkyGrid site, on Redis Streams. Read with a consumer "
                "group (XREADGROUP, XACK, XAUTOCLAIM). Delivery is at least once: events with "
                "the same source and id are duplicates. Events of one incident come in order of "
                "`sequence`. Clips are referenced by path and SHA-256, never embedded."
            ),
            "license": {
                "name": "AGPL-3.0-or-later",
                "url": "https://www.gnu.org/licenses/agpl-3.0.html",
            },
        },
        "defaultContentType": "application/json",
        "servers": {
            "redis": {
                "host": "localhost:6379",
                "protocol": "redis",
                "description": "The Redis of the site configuration, 6.2 or newer",
            }
        },
        "channels": {
            "incidents": {
                "address": "skygrid:incidents",
                "title": "What happened to incidents",
                "messages": {"incident": {"$ref": "#/components/messages/incident"}},
            },
            "deadIncidents": {
                "address": "skygrid:incidents:dead",
                "title": "What a consumer gave up on",
                "messages": {"deadIncident": {"$ref": "#/components/messages/deadIncident"}},
            },
        },
        "operations": {
            "publishIncident": _operation("send", "incidents", "incident", "SkyGrid publishes"),
            "buryIncident": _operation(
                "send", "deadIncidents", "deadIncident", "A consumer that gives up moves it here"
            ),
        },
        "components": {
            "messages": {
                "incident": _message("incident", "Entry", "An event of an incident"),
                "deadIncident": _message("deadIncident", "DeadEntry", "An event given up on"),
            },
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _entry(fields: dict[str, str], required: list[str]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        name: {"type": "string", "description": text} for name, text in fields.items()
    }
    properties["event"] |= {
        "contentMediaType": "application/cloudevents+json",
        "contentSchema": {"$ref": "#/components/schemas/IncidentEvent"},
    }
    return {"type": "object", "properties": properties, "required": required}


def _message(name: str, schema: str, summary: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": summary,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{schema}"},
    }


def _operation(action: str, channel: str, message: str, summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }


def text() -> str:
    """The description as YAML."""
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document(), stream)
    return stream.getvalue()


if __name__ == "__main__":
    sys.stdout.write(text())
