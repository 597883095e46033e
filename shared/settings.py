"""What a deployment decides: one frozen model per service, read from the environment."""

import json
import re
import socket
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared import identity

T = TypeVar("T", bound=BaseSettings)
Mode = Literal["test", "production"]

_PLACE = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::(?P<port>\d{1,5}))?", re.I
)


class SettingIsMissing(Exception):
    """A setting this service needs is missing or unusable."""


class AnyService(BaseSettings):
    """What every service reads."""

    model_config = SettingsConfigDict(
        env_prefix="HJEMVAKT_", frozen=True, extra="ignore", populate_by_name=True
    )

    mode: Mode = Field(description="test: only synthetic national numbers; production: only real")
    identity_key: SecretStr = Field(
        min_length=32, description="hex, 32 bytes: seals national numbers and keys their hashes"
    )
    identity_key_other: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="while keys are exchanged: the coming one, then the one that goes",
    )
    test_numbers: str = Field(
        default="13116900216", description="comma list of further numbers accepted in test mode"
    )
    development_key: Path | None = Field(
        default=None,
        description="file with the development issuer's private key; refused in production mode",
    )
    issuers: Path | None = Field(
        default=None, description="file with the trusted identity providers (docs/identity.md)"
    )
    public_url: str | None = Field(
        default=None,
        description="this service's address as its callers see it: a proof of possession names "
        "it, and the link of a notification begins with it",
    )
    idle_minutes: int = Field(
        default=15, ge=1, le=480, description="after so long without use a page is logged out"
    )
    behind_proxy: bool = Field(
        default=False,
        description="the front door stands before this service and writes X-Forwarded-For; "
        "without it that header is whatever a sender wrote",
    )
    failures_per_minute: int = Field(
        default=20_000,
        ge=1,
        description="failed log-ins and wrong secrets of one address, before those that fail wait",
    )
    log_format: Literal["text", "json"] = "json"
    docs: bool = Field(default=True, description="serve /docs and /openapi.json")

    @field_validator("public_url")
    @classmethod
    def _is_a_place(cls, given: str | None) -> str | None:
        """https://host or https://host:port; one slash at the end is left out. The pages' links
        begin at the root, so a path would lead people and proofs elsewhere."""
        if given is None:
            return None
        given = given.removesuffix("/")
        found = _PLACE.fullmatch(given)
        if found is None or (found["port"] and not 0 < int(found["port"]) < 65_536):
            raise ValueError("https://host or https://host:port is expected, without a path")
        return given.lower()

    @property
    def identity_keys(self) -> identity.Keys:
        other = self.identity_key_other
        return identity.Keys(
            bytes.fromhex(self.identity_key.get_secret_value()),
            bytes.fromhex(other.get_secret_value()) if other else None,
        )


class _Filing(AnyService):
    attachments_per_day: int = Field(
        default=200, ge=1, description="photos and documents of one sender in 24 hours"
    )
    attachment_mib_per_day: int = Field(default=500, ge=1, description="their size in MiB")


class Ingest(_Filing):
    intake_per_minute: int = Field(
        default=60_000,
        ge=1,
        description="requests of one credential over HTTP, of 16 KiB each; a larger body counts "
        "for as many as it has of these",
    )
    database: str = Field(validation_alias="HJEMVAKT_DATABASE_INGEST")
    mqtt_url: str | None = Field(
        default=None,
        validation_alias="MQTT_URL",
        description="mqtt://user:password@host:port, the broker's inner listener; none: HTTP only",
    )
    mqtt_client_id: str = Field(
        default_factory=lambda: f"hjemvakt-ingest-{socket.gethostname()}",
        max_length=64,
        description="the same after a restart, another for each replica",
    )
    mqtt_shared: bool = Field(
        default=True, description="shared subscription with a stored session; off for iotcore"
    )
    programmes: Path | None = Field(
        default=None, description="a hospital's own programme folder: its forms are taken too"
    )
    gateways: Path | None = Field(
        default=None, description="a hospital's own table of gateways, before the built-in one"
    )
    mllp: str | None = Field(
        default=None, description="host:port where HL7 v2 is taken over MLLP; none: HTTP only"
    )
    mllp_credential: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+/[A-Za-z0-9_-]+$",
        description="org/cred whose messages they are that carry no secret in MSH-8",
    )
    instruments: Path | None = Field(
        default=None, description="a hospital's own questionnaires: completed instruments"
    )


class Patients(_Filing):
    database: str = Field(validation_alias="HJEMVAKT_DATABASE_PATIENTS")
    worklist_at: str = Field(
        default="",
        description="where the worklist is, for the links of the set-up pages; empty: same host",
    )
    programmes: Path | None = Field(
        default=None, description="a hospital's own programme folder, beside the built-in ones"
    )
    instruments: Path | None = Field(
        default=None, description="a hospital's own questionnaires: completed instruments"
    )
    snooping: Path | None = Field(
        default=None, description="a hospital's own thresholds for looks that want explaining"
    )
    secure_cookie: bool = Field(
        default=False, description="__Host- cookie over https; on behind the front door"
    )
    device_authorities: Path | None = Field(
        default=None,
        description="folder with the key and certificate that sign for each organisation's "
        "devices; none: devices get no certificates",
    )
    push_public_key: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{87}$",
        description="what `hjemvakt push-key` prints; none: the page offers no notices",
    )
    push_hosts: str = Field(
        default="",
        description="comma list of push services, host or host:port, the only ones taken, which "
        "may lie on the hospital's network; empty: any on the open internet",
    )


class Alerts(AnyService):
    database: str = Field(validation_alias="HJEMVAKT_DATABASE_ALERTS")
    setup_at: str = Field(
        default="",
        description="where the set-up pages are; empty: same host, behind the front door",
    )
    programmes: Path | None = Field(
        default=None, description="a hospital's own programme folder, beside the built-in ones"
    )
    instruments: Path | None = Field(
        default=None, description="a hospital's own questionnaires: completed instruments"
    )
    downtime: Path | None = Field(
        default=None,
        description="a folder for each unit's list on paper, written every 15 minutes; none: none",
    )
    secure_cookie: bool = Field(
        default=False, description="__Host- cookie over https; on behind the front door"
    )
    webhook_secret: SecretStr | None = Field(
        default=None, min_length=16, description="signs what is posted; none: no webhooks"
    )
    webhook_hosts: str = Field(
        default="", description="comma list of hosts that may be posted to; empty: those of ladders"
    )
    host_headers: SecretStr | None = Field(
        default=None,
        description='headers for other systems by host: {"host": {"Authorization": "Bearer …"}}',
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="smtp+starttls://user:password@host:587; none: no e-mail",
    )
    mail_from: str | None = Field(default=None, description="the sender of e-mails")
    sms_url: SecretStr | None = Field(
        default=None,
        description="the SMS gateway, with {to}, {text} and {id}; none: no SMS",
    )
    sms_body: SecretStr | None = Field(
        default=None, description="what is posted to it, JSON or a form; none: a GET"
    )
    sms_headers: SecretStr | None = Field(
        default=None, description="a JSON object of its headers, such as Authorization"
    )
    video_url: str | None = Field(
        default=None,
        pattern=r"^https://[!-~]*\{room\}[!-~]*$",
        description="where a patient's video room is, with {room}; none: no video",
    )
    push_key: Path | None = Field(
        default=None,
        description="file that `hjemvakt push-key` made: signs notices to patients' devices; none: "
        "no notices",
    )
    push_hosts: str = Field(default="", description="as the record's: both get the same")
    push_ca: Path | None = Field(
        default=None, description="certificates besides the system's, of the hospital's own service"
    )
    undelivered_after: int = Field(
        default=300, ge=1, description="seconds until a message that arrives nowhere is an alarm"
    )
    dead_man_url: SecretStr | None = Field(
        default=None,
        description="called each minute while judging and telling live",
    )

    self_test: Path | None = Field(
        default=None,
        description="what `hjemvakt self-test` wrote: whose red readings are tested with",
    )
    self_test_minutes: int = Field(
        default=5, ge=1, le=60, description="minutes from one test reading to the next"
    )

    @field_validator("smtp_url", "sms_url", "dead_man_url")
    @classmethod
    def _is_an_address(cls, given: SecretStr | None, about: ValidationInfo) -> SecretStr | None:
        ways = r"smtps?|smtp\+starttls" if about.field_name == "smtp_url" else "https?"
        if given and not re.fullmatch(rf"(?:{ways})://[!-~]+", given.get_secret_value()):
            raise ValueError(f"an address that begins with {ways}:// is expected")
        return given

    @field_validator("sms_headers")
    @classmethod
    def _is_an_object(cls, given: SecretStr | None) -> SecretStr | None:
        headers = json.loads(given.get_secret_value()) if given else {}
        if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
            raise ValueError("a JSON object of texts is expected")
        return given


def read(model: type[T]) -> T:
    """The settings of one service, or a sentence naming what is missing."""
    try:
        return model()
    except ValidationError as error:
        faults = "; ".join(
            f"{_variable(model, str(fault['loc'][0]))}: {fault['msg'].lower()}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise SettingIsMissing(f"The settings are not complete: {faults}.") from None


def _variable(model: type[BaseSettings], name: str) -> str:
    field = model.model_fields.get(name)
    if field is not None and isinstance(field.validation_alias, str):
        return field.validation_alias
    return name if name.startswith(("HJEMVAKT_", "MQTT_")) else f"HJEMVAKT_{name.upper()}"
