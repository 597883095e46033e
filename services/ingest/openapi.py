"""What FastAPI cannot know of the intake: its item's schema, made from the catalogue of kinds."""

from typing import Any

from fastapi import FastAPI

from services.ingest import routes
from shared import form_answers, kinds
from shared.access import table

NUMBER = {
    "oneOf": [
        {"type": "number"},
        {"type": "string", "pattern": r"^-?\d{1,9}([.,]\d{1,6})?$"},
    ]
}


def complete(app: FastAPI) -> None:
    made = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            components = schema.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            schemas["Observation"], schemas["FormAnswers"] = observation(), answered()
            components.setdefault("securitySchemes", {})["secret"] = {
                "type": "http",
                "scheme": "bearer",
                "description": "The credential's secret, shown once when it was made",
            }
            components["securitySchemes"]["token"] = {
                "type": "http",
                "scheme": "DPoP",
                "description": "A system's access token with its proof; the scope is the door's",
            }
            for path, doors in schema["paths"].items():
                for method, door in doors.items():
                    act = table.by_route().get(f"{method.upper()} {path}")
                    if act is not None and act.scope is not None:
                        door["security"] = [{"secret": []}, {"token": [act.scope]}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def observation() -> dict[str, Any]:
    """JSON Schema of one item of JSON v1."""
    fields = sorted({name for kind in kinds.CATALOGUE.values() for name in kind.fields})
    value = {
        "oneOf": [
            NUMBER,
            {
                "type": "object",
                "required": ["value"],
                "properties": {"value": NUMBER, "unit": {"type": "string", "maxLength": 16}},
            },
            {"type": "string", "maxLength": 32},
        ]
    }
    return {
        "type": "object",
        "required": ["v", "id", "kind", "at"],
        "anyOf": [{"required": ["values"]}, {"required": ["void"]}],
        "additionalProperties": True,
        "properties": {
            "v": {"const": 1},
            "id": {
                "type": "string",
                "pattern": "^[A-Za-z0-9._:-]{8,64}$",
                "description": "Made once when it was measured; the same on every resend (UUIDv7)",
            },
            "kind": {"enum": sorted(kinds.CATALOGUE)},
            "at": {"type": "string", "format": "date-time", "description": "With offset"},
            "until": {"type": "string", "format": "date-time"},
            "values": {
                "type": "object",
                "minProperties": 1,
                "properties": {name: value for name in fields},
                "additionalProperties": False,
            },
            "device": {"type": "object"},
            "patient": {"type": "string", "maxLength": 64, "description": "A slot name"},
            "entered": {"enum": ["device", "manual", "derived"]},
            "context": {"type": "object"},
            "note": {"type": "string", "maxLength": 2000},
            "replaces": {"type": "string"},
            "void": {"type": "boolean"},
            "quality": {"enum": ["ok", "questionable", "invalid"]},
        },
        "example": routes.EXAMPLE,
    }


def answered() -> dict[str, Any]:
    """The same of the answers to a form: an item like any other, but for its values."""
    reading = observation()
    shared = {
        name: one for name, one in reading["properties"].items() if name not in ("kind", "values")
    }
    return {
        **reading,
        "anyOf": [{"required": ["questionnaire", "answers"]}, {"required": ["void"]}],
        "properties": {
            **shared,
            "kind": {"const": form_answers.KIND},
            "questionnaire": {"type": "string", "description": "The form's name or canonical url"},
            "version": {"type": "string", "maxLength": 64, "description": "The form's"},
            "status": {"enum": list(form_answers.STATUS)},
            "answers": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": form_answers.MOST,
                "description": "By linkId: an option's code or its points, a number, a truth or a "
                "text; alone or in a list",
            },
        },
        "example": routes.ANSWERS,
    }
