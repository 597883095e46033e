"""The tables of alerts, for the check that migrations and code agree and for the documentation.

At run time every statement is plain SQL in store.py and store_views.py.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(schema="alerts")
Moment = DateTime(timezone=True)


def _key(name: str, kind: type | object) -> Column[object]:
    return Column(name, kind, primary_key=True)  # type: ignore[arg-type]  # a type or an instance


state = Table(
    "state",
    metadata,
    _key("org", Text),
    _key("patient_id", Uuid),
    Column("version", BigInteger, nullable=False),
    Column("name", Text),
    Column("born", Date),
    Column("number", Text),
    Column("unit_id", Uuid),
    Column("deceased", Boolean, nullable=False),
    Column("judged_at", Moment),
    Column("listened_at", Moment),
    Column("wakes_at", Moment),
    Column("checked_at", Moment),
    Column("seen_at", Moment),
    Column("seen_by", Text),
    Column("crashes", Integer, nullable=False),
    Column("rests_until", Moment),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    _key("org", Text),
    _key("worker", Text),
    Column("at", Moment, nullable=False),
    Column("body", JSONB, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    _key("org", Text),
    _key("patient_id", Uuid),
    _key("id", Uuid),
    Column("alert_id", Uuid, nullable=False),
    Column("programme", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("colour", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    Column("facts", ARRAY(Uuid), nullable=False),
    Column("body", JSONB, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("raised_at", Moment, nullable=False),
    Column("gone_at", Moment),
)

alert = Table(
    "alert",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    Column("patient_id", Uuid, nullable=False),
    Column("unit_id", Uuid),
    Column("programme", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("colour", Text, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("notified_at", Moment, nullable=False),
    Column("oldest_unacknowledged", Moment),
    Column("acknowledged_at", Moment),
    Column("acknowledged_by", Text),
    Column("acknowledged_until", Moment),
    Column("snoozed_until", Moment),
    Column("assignee", Text),
    Column("assignee_name", Text),
    Column("assigned_at", Moment),
    Column("basis_changed", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("retake", Boolean, nullable=False),
    Column("cause", Text),
    Column("closed_at", Moment),
    Column("body", JSONB, nullable=False),
)

move = Table(
    "move",
    metadata,
    _key("org", Text),
    _key("alert_id", Uuid),
    _key("version", Integer),
    Column("patient_id", Uuid, nullable=False),
    Column("move", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("by_name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("seen", ARRAY(Uuid), nullable=False),
    Column("state", Text, nullable=False),
    Column("colour", Text, nullable=False),
    Column("note", Text),
    Column("outcome", Text),
    Column("until", Moment),
    Column("assignee", Text),
    Column("body", JSONB, nullable=False),
)

task = Table(
    "task",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    Column("patient_id", Uuid, nullable=False),
    Column("unit_id", Uuid, nullable=False),
    Column("alert_id", Uuid),
    Column("text", Text, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("version", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_by_name", Text, nullable=False),
    Column("told_at", Moment),
    Column("offered_to", Uuid),
    Column("done_at", Moment),
    Column("done_by", Text),
    Column("done_by_name", Text),
    Column("history", JSONB, nullable=False),
)

review = Table(
    "review",
    metadata,
    _key("org", Text),
    _key("patient_id", Uuid),
    _key("at", Moment),
    Column("unit_id", Uuid, nullable=False),
    Column("by", Text, nullable=False),
    Column("by_name", Text, nullable=False),
    Column("as_of", Moment, nullable=False),
    Column("undone_at", Moment),
    Column("undone_by", Text),
)

due = Table(
    "due",
    metadata,
    _key("org", Text),
    _key("patient_id", Uuid),
    _key("plan", Text),
    _key("local_day", Date),
    _key("slot", Text),
    Column("kind", Text, nullable=False),
    Column("opens_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("grace_until", Moment, nullable=False),
    Column("satisfied_by", Uuid),
    Column("missed_at", Moment),
)

climb = Table(
    "climb",
    metadata,
    _key("org", Text),
    _key("alert_id", Uuid),
    _key("unit_id", Uuid),
    Column("patient_id", Uuid, nullable=False),
    Column("step", Integer, nullable=False),
    Column("planned", Boolean, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("at_last", Boolean, nullable=False),
    Column("why", Text, nullable=False),
    Column("told_at", Moment, nullable=False),
    Column("stepped_at", Moment),
    Column("next_at", Moment),
    Column("set_at", Moment, nullable=False),
)

notification = Table(
    "notification",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("unit_id", Uuid, nullable=False),
    Column("patient_id", Uuid),
    Column("alerts", ARRAY(Uuid), nullable=False),
    Column("step", Integer),
    Column("who", Text),
    Column("rank", SmallInteger, nullable=False),
    Column("sensitive", Boolean, nullable=False),
    Column("language", Text, nullable=False),
    Column("routes", JSONB, nullable=False),
    Column("place", SmallInteger, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tries", JSONB, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("next_at", Moment),
    Column("sent_at", Moment),
    Column("settled_at", Moment),
)

connection = Table(
    "connection",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("unit_id", Uuid),
    Column("receiver", Text),
    Column("made_at", Moment, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("ended_at", Moment),
    Column("ended_by", Text),
)

outgoing = Table(
    "outgoing",
    metadata,
    _key("org", Text),
    _key("id", Uuid),
    Column("connection_id", Uuid, nullable=False),
    Column("event", Text, nullable=False),
    Column("about", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("patient_id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("why", Text),
    Column("made_at", Moment, nullable=False),
    Column("next_at", Moment),
    Column("settled_at", Moment),
)

saved_filter = Table(
    "saved_filter",
    metadata,
    _key("org", Text),
    _key("staff_id", Text),
    _key("name", Text),
    Column("query", JSONB, nullable=False),
    Column("made_at", Moment, nullable=False),
)

worklist_row = Table(
    "worklist_row",
    metadata,
    _key("org", Text),
    _key("unit_id", Uuid),
    _key("patient_id", Uuid),
    Column("rank", SmallInteger, nullable=False),
    Column("waiting_since", Moment, nullable=False),
    Column("calm", SmallInteger, nullable=False),
    Column("technical", Boolean, nullable=False),
    Column("programmes", ARRAY(Text), nullable=False),
    Column("assignees", ARRAY(Text), nullable=False),
    Column("states", ARRAY(Text), nullable=False),
    Column("body", JSONB, nullable=False),
)
