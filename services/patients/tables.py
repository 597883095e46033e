"""The tables of the record, for the check that migrations and code agree and for documentation.

At run time every statement is plain SQL in the store files.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE
from sqlalchemy.types import TypeEngine

metadata = MetaData(schema="patients")
Moment = DateTime(timezone=True)
Kind = TypeEngine[Any] | type[TypeEngine[Any]]

number = Sequence("number", metadata=metadata, start=900_001, data_type=BigInteger)


def _key(name: str, kind: Kind) -> Column[object]:
    return Column(name, kind, primary_key=True)


def _must(name: str, kind: Kind) -> Column[object]:
    return Column(name, kind, nullable=False)


unit = Table(
    "unit",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("name", Text),
    _must("short", Text),
    _must("watching", JSONB),
    _must("created_at", Moment),
)

ladder = Table(
    "ladder",
    metadata,
    _key("org", Text),
    _key("unit_id", Uuid),
    _key("version", Integer),
    Column("body", JSONB),
    _must("reason", Text),
    _must("valid_from", Moment),
    _must("recorded_at", Moment),
    _must("by", Text),
)

staff = Table(
    "staff",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("name", Text),
    _must("role", Text),
    _must("units", ARRAY(Uuid)),
    Column("hpr", Text),
    _must("created_at", Moment),
    Column("left_at", Moment),
    _must("groups", ARRAY(Text)),
)

staff_number = Table(
    "staff_number",
    metadata,
    _key("org", Text),
    _key("hash", LargeBinary),
    _must("staff_id", Uuid),
    Column("key", Text),
)

patient = Table(
    "patient",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("number", Text),
    _must("name", Text),
    _must("born", Date),
    Column("sex", Text),
    _must("language", Text),
    _must("unit_id", Uuid),
    Column("deceased_at", Moment),
    _must("created_at", Moment),
    _must("created_by", Text),
    _must("followed", Boolean),
    Column("followed_by", ARRAY(Uuid)),
    Column("phone", LargeBinary),
    _must("sms_reminders", Boolean),
)

identifier = Table(
    "identifier",
    metadata,
    _key("org", Text),
    _key("hash", LargeBinary),
    _must("system", Text),
    _must("sealed", LargeBinary),
    _must("patient_id", Uuid),
    _must("created_at", Moment),
    Column("key", Text),
)

enrolment = Table(
    "enrolment",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    _must("programme", Text),
    _must("unit_id", Uuid),
    Column("plan", JSONB),
    _must("started_at", Moment),
    _must("started_by", Text),
    Column("ended_at", Moment),
    Column("ended_by", Text),
    Column("end_reason", Text),
    Column("look_at", Moment),
    _must("look_every", Interval),
)

personal_limit = Table(
    "personal_limit",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    _must("programme", Text),
    _must("name", Text),
    Column("value", Numeric),
    _must("reason", Text),
    _must("valid_from", Moment),
    _must("recorded_at", Moment),
    _must("by", Text),
    Column("confirmed_by", Text),
)

suggested_limit = Table(
    "suggested_limit",
    metadata,
    _key("org", Text),
    _key("patient_id", Uuid),
    _key("programme", Text),
    _key("name", Text),
    _must("state", Text),
    _must("since", Moment),
    _must("value", Numeric),
    _must("median", Numeric),
    _must("spread", Numeric),
    _must("n", Integer),
    _must("first", Date),
    _must("last", Date),
    Column("settled_at", Moment),
    Column("settled_by", Text),
    Column("why", Text),
    Column("again_at", Moment),
)

spo2_scale = Table(
    "spo2_scale",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    _must("scale", SmallInteger),
    _must("reason", Text),
    _must("valid_from", Moment),
    _must("recorded_at", Moment),
    _must("by", Text),
    Column("confirmed_by", Text),
    Column("prescriber", Text),
)

proposal = Table(
    "proposal",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    _must("about", Text),
    _must("programme", Text),
    _must("name", Text),
    Column("before", Numeric),
    Column("value", Numeric),
    _must("rules", ARRAY(Text)),
    _must("reason", Text),
    Column("prescriber", Text),
    _must("wanted_from", Moment),
    _must("proposed_at", Moment),
    _must("by", Text),
    _must("role", Text),
    _must("state", Text),
    Column("settled_at", Moment),
    Column("settled_by", Text),
    Column("settled_why", Text),
)

activation = Table(
    "activation",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("programme", Text),
    _must("version", Text),
    _must("reason", Text),
    _must("at", Moment),
    _must("by", Text),
)

programme_signature = Table(
    "programme_signature",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("programme", Text),
    _must("version", Text),
    _must("digest", Text),
    _must("seat", Text),
    _must("words", Text),
    _must("at", Moment),
    _must("by", Text),
    _must("by_name", Text),
    Column("hpr", Text),
)

pause = Table(
    "pause",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    _must("span", TSTZRANGE),
    _must("reason", Text),
    _must("by", Text),
    _must("recorded_at", Moment),
    Column("ended_at", Moment),
    Column("ended_by", Text),
    _must("kind", Text),
)

device = Table(
    "device",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("manufacturer", Text),
    _must("model", Text),
    Column("serial", Text),
    _must("unit_id", Uuid),
    Column("note", Text),
    _must("created_at", Moment),
    Column("retired_at", Moment),
)

credential = Table(
    "credential",
    metadata,
    _key("org", Text),
    _key("cred", Text),
    _must("kind", Text),
    _must("secret_hash", LargeBinary),
    _must("mqtt_hash", Text),
    _must("label", Text),
    Column("unit_id", Uuid),
    Column("device_id", Uuid),
    _must("created_at", Moment),
    _must("created_by", Text),
    Column("rotated_at", Moment),
    Column("revoked_at", Moment),
    Column("client_id", Text),
    Column("thumbprint", Text),
)

authority = Table(
    "authority",
    metadata,
    _key("org", Text),
    _must("certificate", Text),
    _must("withdrawn", Text),
    _must("changed_at", Moment),
)

certificate = Table(
    "certificate",
    metadata,
    _key("org", Text),
    _key("serial", Text),
    _must("cred", Text),
    _must("made_at", Moment),
    _must("until", Moment),
    Column("withdrawn_at", Moment),
    Column("authority", Text),
    Column("ends_at", Moment),
)

secret = Table(
    "secret",
    metadata,
    _key("secret_hash", LargeBinary),
    _must("org", Text),
    _must("cred", Text),
    Column("until", Moment),
)

enrolment_code = Table(
    "enrolment_code",
    metadata,
    _key("org", Text),
    _key("hash", LargeBinary),
    _must("cred", Text),
    _must("made_at", Moment),
    _must("made_by", Text),
    _must("until", Moment),
    Column("redeemed_at", Moment),
    Column("withdrawn_at", Moment),
)

binding = Table(
    "binding",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("cred", Text),
    _must("slot", Text),
    Column("device_id", Uuid),
    _must("patient_id", Uuid),
    _must("valid", TSTZRANGE),
    _must("recorded_at", Moment),
    _must("recorded_by", Text),
    Column("changed_at", Moment),
    Column("changed_by", Text),
    Column("withdrawn_at", Moment),
    Column("was", TSTZRANGE),
)

shield = Table(
    "shield",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    Column("staff_id", Text),
    _must("at", Moment),
    _must("by", Text),
    Column("ended_at", Moment),
    Column("ended_by", Text),
)

emergency = Table(
    "emergency",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    _must("staff_id", Text),
    _must("role", Text),
    _must("reason", Text),
    _must("text", Text),
    _must("at", Moment),
    _must("until", Moment),
)

administration = Table(
    "administration",
    metadata,
    _key("org", Text),
    _key("fact_id", Uuid),
    _must("seq", BigInteger),
    _must("patient_id", Uuid),
    _must("at", Moment),
    _must("received_at", Moment),
    _must("cred", Text),
    _must("event", Text),
    _must("state", Text),
    Column("outcome", Text),
    _must("tries", SmallInteger),
    Column("applied_at", Moment),
)

stay = Table(
    "stay",
    metadata,
    _key("org", Text),
    _key("patient_id", Uuid),
    _key("visit", Text),
    _must("since", Moment),
    Column("left_at", Moment),
    _must("pause_id", Uuid),
)

link = Table(
    "link",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("kept_id", Uuid),
    _must("other_id", Uuid),
    _must("reason", Text),
    _must("at", Moment),
    _must("by", Text),
    Column("undone_at", Moment),
    Column("undone_by", Text),
    Column("undone_why", Text),
)

proxy = Table(
    "proxy",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    _must("name", Text),
    _must("relation", Text),
    _must("may", ARRAY(Text)),
    _must("valid", TSTZRANGE),
    _must("given_at", Moment),
    _must("given_by", Text),
    _must("given_role", Text),
    Column("ended_at", Moment),
    Column("ended_by", Text),
)

proxy_number = Table(
    "proxy_number",
    metadata,
    _key("org", Text),
    _key("hash", LargeBinary),
    _key("proxy_id", Uuid),
    _must("key", Text),
)

claim = Table(
    "claim",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    _must("kind", Text),
    _must("facts", ARRAY(Uuid)),
    _must("text", Text),
    _must("made_at", Moment),
    _must("made_by", Text),
    _must("state", Text),
    Column("ground", Text),
    Column("reason", Text),
    Column("decided_at", Moment),
    Column("decided_by", Text),
    Column("confirmed_at", Moment),
    Column("confirmed_by", Text),
)

enrolment_draft = Table(
    "enrolment_draft",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    _must("patient_id", Uuid),
    _must("typed", JSONB),
    _must("by", Text),
    _must("changed_at", Moment),
    Column("began_at", Moment),
    Column("enrolment_id", Uuid),
    Column("cred", Text),
)

push_subscription = Table(
    "push_subscription",
    metadata,
    _key("org", Text),
    _key("hash", LargeBinary),
    _must("patient_id", Uuid),
    _must("endpoint", Text),
    _must("p256dh", LargeBinary),
    _must("auth", LargeBinary),
    _must("made_at", Moment),
)
