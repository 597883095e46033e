"""What the nurse sees, made from what the service knows. Pure: data, language and `now` come in.

The laws: a figure never without its clock time and age, a patient never without two identifiers
and age, a colour never without shape and word, NEWS2 never as a total when incomplete, a red
never left out silently, and nothing is called well: only "nothing outside the limits measured".

Moments are aware datetimes or ISO text, figures Decimal or JSON numbers. Texts that came from
rules may be plain or {"nb": …, "en": …}. Keys marked ? may be left out or be null.

`worklist_view(data, lang, now)`: the worklist answer of the API (rows, counts, hidden, watching,
as_of, lag_seconds, next) with these additions.

  data   me {"id", "name", "role"} · csrf? · theme? "light|dark" · unit? {"id", "name"}
         units? [{"id", "name", "on"?}] · query? {"unit", "programme", "colour", "assignee",
         "state", "cursor"} as asked for · filters? [{"key": "all|mine|nobody|programme",
         "value"?, "name"?, "count"?, "on"?}] · staff? [{"id", "name"}] · complete_to? (else
         as_of less the lag) · expected? {"due", "received", "missing"} · quarantine_oldest?
         hidden_rows? [{"patient", "number", "unit", "reason", "waiting_since"}], one per hidden
         red · platform? [{"name", "cause", "patients", "reason", "also"?, "since", "assignee"?}]
         counts.paused? · watching.until? · watching.who? [names] · watching.next_who?
         drawn? (the rows as `row_view` made them, instead of rows)
  row    number · programme_name? · also? · news2? (below) · dry_weight? {"value"} · cause?
         "patient|device|phone|portal|us" · deadline? · reason_alert? (id of the alert the reason
         speaks of) · spark? [[at, figure], …] · spark_limits? [low, high] · spark_missing? [at, …]
         spark_kind?, spark_field? (of spark and of the value shown) · paused? {"until"?, "reason"?}
         quarantined? {"n", "oldest", "codes"} · seen_at? (a green taken as seen)
         assignee {"id", "name", "at"?} or null · patient.born may be null
         shut? "locked|blocked": the record is shut for the reader, the row says nothing of why
         values[].stale? (past its validity)
  alert  of a row: reason? · snoozed_until? · acknowledged_at? · late? · basis_changed? ·
         moves? [allowed now]

`patient_view(data, lang, now)`:

  data   me, csrf?, theme?, counts, watching, as_of, lag_seconds, complete_to?, staff? as above
         patient {"id", "name", "born", "deceased_at"?} · version? (of his state, as read) · number
         unit {"id", "name"}
         programmes [{"slug", "name", "version"}] · assignee · dry_weight? {"value", "at"?}
         spo2_scale 1|2 · paused? {"until"?, "reason"?} · quarantined? as of a row · news2?
         position? {"n", "of", "previous"?, "next"?} (patient ids) · alerts [alert, not closed]
         earlier [closed alert + closed_at, closed_by?, outcome?] · notes? [{"at", "by", "note"}]
         latest [{"kind", "field", "value", "ucum"?, "at", "source_name"?, "entered"?, "flags"?,
         "precision"?, "stale"?}] · readings [{"fact", "kind", "values" {field: figure}, "at",
         "entered", "source_name"?, "flags"?, "precision"?, "phase"?, "note"?, "status":
         "valid|corrected|voided"}] newest first · enterable? [kinds] · reading? (fact to correct)
         answers? [{"name", "at", "score"?, "items" [{"label", "value"}]}] · sessions?, nights?,
         implant?, zones?, contacts?, contact_programmes?, proposals?, video? (page/sessions.py,
         nights.py, implants.py, contacts.py) · compare? (photo to lay beside the latest)
         attachments? [photos and documents: page/photos.py]
         devices? [{"name", "bound_at"?, "last_seen"?, "battery"?}] · chart_days? 14|30|90
         moved? {"alert", "by"?} after a 409, draft? {"note"}, saved? true, problem? (text)
  alert  id, version, lane, state, colour, reason, rule, rule_name?, programme, programme_name?,
         programme_version, raised_at, waiting_since?, deadline?, assignee?, emergency?, also?,
         cause?, news2?, late?, measured_at?, basis_changed?, snoozed_until?, moves? [allowed now]
         evidence [{"kind", "field", "label"?, "value", "ucum"?, "at", "limit"?, "breach"?,
         "phase"?, "source_name"?, "entered"?, "flags"?, "superseded"?}]
         limits [{"name", "label"?, "value", "ucum"?, "default", "set_at"?, "set_by"?, "before"?}]
         history [{"at", "what", "by"?, "colour"?, "reason"?, "note"?, "assignee"?, "until"?,
         "outcome"?}] oldest first, names of people, not ids; `what` is a move of the lifecycle, or
         raise, worsen, repeat, basis-changed, basis-restored, opened, told
  news2  the calculator's answer with at?, expired? and inputs? {part: {"value", "at"}}

`chart_view(data, lang, now)`: days? · series [{"kind", "field", "ucum", "points" [[at, figure,
"pre|post"?], …], "limits" [{"from"?, "to"?, "low", "high", "colour"}], "missed"? [at, …],
         "handles"? [which limit moves a line: services/alerts/one_patient/handles.py]}] ·
events? [{"at", "what": "alert|move|limit", "colour"?, "text"}]. Answers JSON with epoch seconds.

`login_view({"people": [{"id", "name", "role", "unit"?}], "csrf"?, "problem"? (code), "next"?})` and
`error_view({"status", "code", "request_id"?}, lang, now)`.

`render(template, view)` fills login, worklist, rows, patient and error (.html), always escaped.
"""

from services.alerts.page.chart import chart_view
from services.alerts.page.connections import connection_view, connections_view
from services.alerts.page.downtime import downtime_view
from services.alerts.page.filling import form_view
from services.alerts.page.frame import error_view, leaving_view, login_view, render
from services.alerts.page.messages import messages_view
from services.alerts.page.patient import patient_view
from services.alerts.page.row import drawn as row_view
from services.alerts.page.shut import shut_view
from services.alerts.page.steering import steering_view
from services.alerts.page.trial import trial_view
from services.alerts.page.worklist import worklist_view

__all__ = [
    "chart_view",
    "connection_view",
    "connections_view",
    "downtime_view",
    "error_view",
    "form_view",
    "leaving_view",
    "login_view",
    "messages_view",
    "patient_view",
    "render",
    "row_view",
    "shut_view",
    "steering_view",
    "trial_view",
    "worklist_view",
]
