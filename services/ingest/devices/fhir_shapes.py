"""The few elements of FHIR R4 resources that intake reads. Everything else is let through and kept
in the raw bytes: a resource is never turned away for carrying more than we use.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.kinds import Coding as Pair


class Shape(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Coding(Shape):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(Shape):
    coding: list[Coding] = []
    text: str | None = None

    def pairs(self) -> list[Pair]:
        return [(each.system, each.code) for each in self.coding if each.system and each.code]


class Quantity(Shape):
    value: Any = None
    comparator: Any = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Identifier(Shape):
    system: str | None = None
    value: str | None = None


class Reference(Shape):
    reference: str | None = None
    identifier: Identifier | None = None
    type: str | None = None
    display: str | None = None


class Period(Shape):
    start: Any = None
    end: Any = None


class Annotation(Shape):
    text: str | None = None


class Meta(Shape):
    versionId: str | None = None
    lastUpdated: Any = None


class Valued(Shape):
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Concept | None = None
    valueString: Any = None
    valueBoolean: Any = None
    valueInteger: Any = None
    dataAbsentReason: Concept | None = None


class Component(Valued):
    code: Concept = Concept()


class Resource(Shape):
    meta: Meta = Meta()
    status: Any = None
    subject: Reference | None = None
    contained: list[dict[str, Any]] = []


class Observation(Resource, Valued):
    identifier: list[Identifier] = []
    category: list[Concept] = []
    code: Concept = Concept()
    effectiveDateTime: Any = None
    effectiveInstant: Any = None
    effectivePeriod: Period | None = None
    issued: Any = None
    performer: list[Reference] = []
    device: Reference | None = None
    interpretation: list[Concept] = []
    note: list[Annotation] = []
    derivedFrom: list[Any] = []
    component: list[Component] = []


class QuestionnaireResponse(Resource):
    identifier: Identifier | None = None
    questionnaire: str | None = None
    authored: Any = None
    source: Reference | None = None
    item: list[dict[str, Any]] = []


class Payload(Shape):
    contentString: Any = None
    contentReference: Reference | None = None


class Communication(Resource):
    identifier: list[Identifier] = []
    sent: Any = None
    payload: list[Payload] = []
