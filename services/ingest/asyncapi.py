"""The AsyncAPI document of what devices send and hear over MQTT, made from the code itself."""

from importlib import metadata
from typing import Any

from fastapi import FastAPI, Response

from services.ingest import fhir_examples, formats, hl7, hot, mqtt_message, openapi, routes
from services.ingest.devices import json_v1
from shared import exact
from shared.contracts import Code, Flag, Result

Json = dict[str, Any]

STATUS: Json = {"state": "offline", "battery": 71, "fw": "1.2"}

_PROMISE = (
    "The broker's own acknowledgement (PUBACK) says that the broker has the message, and nothing "
    "more: it may be lost after it, or never be understood. Only a receipt says that it is "
    "durably stored. Keep a reading until its receipt has come; send it again, with the same id, "
    "if none comes: what is known already is answered `duplicate` and stored once."
)
_BYTES = mqtt_message.CORRELATION_BYTES
_REPLY = (
    "With MQTT 5 a Response Topic is honoured if it starts with your own `hjv/1/{org}/{cred}/` "
    f"and ends in `ack`; Correlation Data of at most {_BYTES} bytes comes back "
    "unchanged. Without one, and with MQTT 3.1.1, receipts go to `…/ack`: subscribe to it first."
)
_SENT: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "obs": (
        "Readings in JSON, version 1",
        f"One item, or an array of at most {json_v1.MQTT_ITEMS}; an array is answered with an "
        "array of receipts, in order, an empty one with an empty one. With a Content Type of FHIR "
        "(JSON or XML), SenML or HL7 v2 the body is read as at the door of that format; without "
        "one, JSON that is no item of ours is read as `/v1/uploads` reads it.",
        ("item", "items", "form", "senml", "hl7"),
    ),
    "fhir": (
        "FHIR R4",
        "An Observation, a QuestionnaireResponse, a Communication or a Bundle; answered with "
        "JSON receipts. "
        "An entry that only tells of the others (a Patient, a Device) is answered `ignored`, one "
        "of another type waits in quarantine. "
        "Of a transaction all is stored, or it waits whole in quarantine, with one receipt.",
        ("observation", "answers", "message", "bundle"),
    ),
    "status": (
        "What a gateway says of itself",
        "Retained, and set as the last will, so that `offline` is told when the connection ends.",
        ("status",),
    ),
}


SENML = [
    {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": 1795416720, "n": "body_weight", "u": "kg",
     "v": 82.4},
]  # fmt: skip
# Below miscale/{user}/weight, and below homeassistant/sensor/{node}/weight/config.
NATIVE = {"weight": 82.4, "weight_unit": "kg", "timestamp": "2026-11-23T07:12:00+00:00"}
ANNOUNCEMENT = {
    "name": "Weight",
    "state_topic": "bath-scale/sensor/weight/state",
    "device_class": "weight",
    "unit_of_measurement": "kg",
    "unique_id": "bath-scale-weight",
    "device": {"identifiers": ["bath-scale"], "manufacturer": "Example", "model": "Scale 2"},
}


def document() -> Json:
    channels = {name: _channel(name, _SENT[name][2]) for name in mqtt_message.CHANNELS}
    channels["ack"] = _channel("ack", ("receipt", "receipts"))
    channels["gateway"] = {
        **_channel("gateway", ("native", "announcement")),
        "address": f"{mqtt_message.GATEWAY}/{{org}}/{{cred}}/{{native}}",
    }
    channels["gateway"]["parameters"]["native"] = {
        "description": "The gateway's own topic, of one or more levels (docs/gateways.md)"
    }
    operations = {f"receive-{name}": _receive(name) for name in mqtt_message.CHANNELS}
    operations["receive-gateway"] = _of_gateways()
    operations["send-receipts"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/ack"},
        "summary": "A receipt for every item, after its commit",
        "bindings": _bindings(retain=False),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Hjemvakt over MQTT",
            "version": metadata.version("hjemvakt"),
            "description": f"{_PROMISE}\n\n{_REPLY}",
        },
        "defaultContentType": formats.JSON,
        "servers": {
            name: {
                "host": "{broker}:1883",
                "protocol": "mqtt",
                "protocolVersion": version,
                "variables": {"broker": {"description": "The hospital's broker"}},
                "security": [{"$ref": "#/components/securitySchemes/credential"}],
            }
            for name, version in (("mqtt5", "5.0"), ("mqtt3", "3.1.1"))
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": _messages(),
            "schemas": _schemas(),
            "securitySchemes": {
                "credential": {
                    "type": "userPassword",
                    "description": "User name: the credential (c-…); password: its secret. A "
                    "credential writes only below its own name and reads only its ack and cmd.",
                }
            },
        },
    }


def _channel(name: str, messages: tuple[str, ...]) -> Json:
    return {
        "address": f"hjv/1/{{org}}/{{cred}}/{name}",
        "parameters": {
            "org": {"description": "The organisation; comes with the credential"},
            "cred": {"description": "The credential's name, which is the user name"},
        },
        "messages": {one: {"$ref": f"#/components/messages/{one}"} for one in messages},
    }


def _of_gateways() -> Json:
    return {
        "action": "receive",
        "channel": {"$ref": "#/channels/gateway"},
        "summary": "What gateways that people own publish, unchanged",
        "description": "By the table of gateways; an announcement of Home Assistant's discovery "
        "becomes a suggestion for staff, and never a reading. Retained messages are not read. A "
        "topic that no row knows waits in quarantine once. Receipts go to `…/ack`.",
        "bindings": _bindings(retain=False),
    }


def _receive(name: str) -> Json:
    summary, description, _ = _SENT[name]
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": summary,
        "description": f"{description} At most {hot.MOST_BYTES // 1024} KiB. {_PROMISE}",
        "bindings": _bindings(retain=name == "status"),
        "reply": {
            "address": {
                "location": "$message.header#/responseTopic",
                "description": _REPLY,
            },
            "channel": {"$ref": "#/channels/ack"},
        },
    }


def _bindings(*, retain: bool) -> Json:
    return {"mqtt": {"qos": 1, "retain": retain, "bindingVersion": "0.2.0"}}


def _messages() -> Json:
    return {
        "item": _message(formats.JSON, "#/components/schemas/Observation", routes.EXAMPLE),
        "items": _message(formats.JSON, "#/components/schemas/Observations", [routes.EXAMPLE]),
        "form": _message(formats.JSON, "#/components/schemas/FormAnswers", routes.ANSWERS),
        "observation": _message(formats.FHIR, None, fhir_examples.OBSERVATION),
        "answers": _message(formats.FHIR, None, fhir_examples.ANSWERS),
        "message": _message(formats.FHIR, None, fhir_examples.MESSAGE),
        "bundle": _message(formats.FHIR, None, fhir_examples.BUNDLE),
        "senml": _message(formats.TYPES["senml"][0], None, SENML, "array"),
        "hl7": _message(formats.HL7, None, hl7.EXAMPLE, "string"),
        "native": _message(formats.JSON, None, NATIVE),
        "announcement": _message(formats.JSON, None, ANNOUNCEMENT),
        "status": _message(formats.JSON, "#/components/schemas/Status", STATUS),
        "receipt": _message(formats.JSON, "#/components/schemas/Receipt", routes.RECEIPT),
        "receipts": _message(formats.JSON, "#/components/schemas/Receipts", [routes.RECEIPT]),
    }


def _message(media_type: str, schema: str | None, example: Any, form: str = "object") -> Json:
    return {
        "contentType": media_type,
        "payload": {"$ref": schema} if schema else {"type": form},
        "examples": [{"payload": example}],
    }


def _schemas() -> Json:
    code = {"enum": [code.value for code in Code]}
    error = {
        "type": "object",
        "required": ["path", "code"],
        "properties": {"path": {"type": "string"}, "code": code},
    }
    moment: Json = {"type": "string", "format": "date-time"}
    perhaps: Json = {"oneOf": [moment, {"type": "null"}]}
    members: Json = {
        "v": {"const": 1},
        "id": {"type": "string", "description": "The item's own id"},
        "result": {"enum": [result.value for result in Result]},
        "ref": {"type": ["string", "null"], "description": "Where it can be read as FHIR"},
        "received": moment,
        "flags": {"type": "array", "items": {"enum": [flag.value for flag in Flag]}},
        "errors": {
            "type": "array",
            "items": error,
            "description": "Why it waits; first `rejected` if a person has rejected it: it will "
            "not be stored, and is not to be sent again",
        },
        "watch": {
            "type": "object",
            "description": "Whether anybody is watching the patient's unit now, and when next",
            "required": ["now", "until", "next"],
            "properties": {
                "now": {"type": "boolean"},
                "until": perhaps,
                "next": perhaps,
                "followed": {
                    "const": False,
                    "description": "Only of a patient who is enrolled in nothing, or has died",
                },
            },
        },
    }
    words: Json = {"type": "string"}
    crisis: Json = {
        "type": "object",
        "description": "Only after an answer that is red by itself: show it to the patient at once",
        "required": ["nb", "nn", "en", "numbers", "watched_now"],
        "properties": {
            "nb": words,
            "nn": words,
            "en": words,
            "numbers": {"type": "array", "items": {"type": "object", "required": ["number"]}},
            "watched_now": {"type": "boolean"},
        },
    }
    return {
        "Observation": openapi.observation(),
        "FormAnswers": openapi.answered(),
        "Observations": _several("Observation", json_v1.MQTT_ITEMS, "FormAnswers"),
        "Status": {
            "type": "object",
            "required": ["state"],
            "properties": {
                "state": {"enum": ["online", "offline"]},
                "battery": {"type": "number", "description": "per cent"},
                "fw": {"type": "string"},
                "at": moment,
            },
        },
        "Receipt": {
            "type": "object",
            "required": list(members),
            "properties": {**members, "crisis": crisis},
        },
        "Receipts": {"type": "array", "items": {"$ref": "#/components/schemas/Receipt"}},
    }


def _several(name: str, most: int, other: str = "") -> Json:
    items: Json = {"$ref": f"#/components/schemas/{name}"}
    if other:
        items = {"oneOf": [items, {"$ref": f"#/components/schemas/{other}"}]}
    return {"type": "array", "minItems": 1, "maxItems": most, "items": items}


def serve(app: FastAPI) -> None:
    """Answer GET /asyncapi.json, beside /openapi.json."""
    body = exact.dumps(document())

    async def asyncapi() -> Response:
        return Response(body, media_type="application/json")

    app.add_api_route("/asyncapi.json", asyncapi, include_in_schema=False)
