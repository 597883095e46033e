"""What a deployment decides: one frozen model per service, read from the environment."""

import socket
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

T = TypeVar("T", bound=BaseSettings)
Mode = Literal["test", "production"]


class SettingIsMissing(Exception):
    """A setting this service needs is missing or unusable."""


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="HJEMVAKT_", frozen=True, extra="ignore", populate_by_name=True
    )

    mode: Mode = Field(description="test: only synthetic national numbers; production: only real")
    identity_key: SecretStr = Field(
        min_length=32, description="hex, 32 bytes: seals national numbers and keys their hashes"
    )
    test_numbers: str = Field(
        default="13116900216", description="comma list of further numbers accepted in test mode"
    )
    development_key: Path | None = Field(
        default=None,
        description="file with the development issuer's private key; refused in production mode",
    )
    log_format: Literal["text", "json"] = "json"
    docs: bool = Field(default=True, description="serve /docs and /openapi.json")


class Ingest(_Settings):
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


class Patients(_Settings):
    database: str = Field(validation_alias="HJEMVAKT_DATABASE_PATIENTS")
    programmes: Path | None = Field(
        default=None, description="a hospital's own programme folder, beside the built-in ones"
    )


class Alerts(_Settings):
    database: str = Field(validation_alias="HJEMVAKT_DATABASE_ALERTS")
    programmes: Path | None = Field(
        default=None, description="a hospital's own programme folder, beside the built-in ones"
    )
    secure_cookie: bool = Field(
        default=False, description="__Host- cookie over https; on behind the front door"
    )


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
