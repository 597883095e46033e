"""A patient's app in one file: httpx and the standard library. See docs/app-developers.md.

What is measured is kept in a file under an id of its own before it is sent, and stays until the
receipt has come: no crash, no lost network and no server that is away loses it or makes it two.
"""

import argparse
import json
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

SCHEMA = """
create table if not exists phone (key text primary key, value text not null);
create table if not exists queue (
    id text primary key, at text not null, path text not null, body text not null,
    state text not null default 'waiting', receipt text
);
"""
AWAY = (408, 425, 429, 500, 502, 503, 504)
AT_ONCE = 100  # readings in one request
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0


@dataclass
class App:
    """`intake` and `record` are one address behind the hospital's front door, two on a desk."""

    file: Path
    intake: str
    record: str

    def __post_init__(self) -> None:
        self.kept = sqlite3.connect(self.file)
        self.kept.executescript(SCHEMA)
        self.kept.execute("pragma synchronous = full")
        self.http = httpx.Client(timeout=30, follow_redirects=False)

    def close(self) -> None:
        self.http.close()
        self.kept.close()

    # --- once: a secret of its own --------------------------------------------------------

    def enrol(self, code: str) -> None:
        """A one-time code, typed or read from the QR picture that staff show."""
        answer = self.http.post(f"{self.record}/v1/enrolment-codes/redeem", json={"code": code})
        if answer.status_code == 429:
            raise SystemExit(f"Too many tries: wait {answer.headers.get('retry-after')} s.")
        if answer.status_code != 201:
            raise SystemExit("The code is not valid any more. Ask for a new one.")
        given = answer.json()
        # On a telephone this belongs in its key store, not in a file.
        self._keep("secret", given["secret"])

    # --- what is typed or measured: kept first --------------------------------------------

    def reading(self, kind: str, **values: float | str) -> str:
        """`at` is when it was measured, with the phone's offset; never when it is sent."""
        id_ = str(uuid.uuid4())
        item = {"v": 1, "id": id_, "kind": kind, "at": _now(), "values": values}
        return self._put(id_, "/v1/observations", item)

    def answers(self, questionnaire: str, version: str | None, **given: Any) -> str:
        """By linkId; a code, a number, true or false, or a list of them."""
        id_ = str(uuid.uuid4())
        item = {
            "v": 1,
            "id": id_,
            "kind": "questionnaire",
            "at": _now(),
            "questionnaire": questionnaire,
            "answers": {link.replace("_", "-"): value for link, value in given.items()},
        }
        if version:
            item["version"] = version
        return self._put(id_, "/v1/observations", item)

    def message(self, text: str, photos: tuple[str, ...] = ()) -> str:
        """To the unit. Say beside the field that this is no emergency line, and the numbers."""
        id_ = str(uuid.uuid4())
        named = [{"contentReference": {"reference": f"Media/{one}"}} for one in photos]
        body = {
            "resourceType": "Communication",
            "status": "completed",
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{id_}"}],
            "sent": _now(),
            "payload": [{"contentString": text}, *named],
        }
        return self._put(id_, "/fhir/Communication", body)

    # --- sent until there is a receipt ----------------------------------------------------

    def send(self, patience: float = 0.0) -> None:
        """All that waits, oldest first; again after a pause that grows, as long as `patience`."""
        until, wait = time.monotonic() + patience, FIRST_WAIT
        while not self._round():
            if time.monotonic() + wait > until:
                return
            time.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def _round(self) -> bool:
        """Whether nothing waits any more."""
        for path, several in self._waiting():
            try:
                answer = self._post(path, several)
            except httpx.HTTPError:
                return False  # no network, or cut off: perhaps it is there, and is sent again
            if answer.status_code in AWAY:
                return False
            if answer.status_code == 401:
                raise SystemExit("The secret is no longer in force. Enrol again; nothing is lost.")
            self._settle(path, several, answer)
        return not any(True for _ in self._waiting())

    def _post(self, path: str, several: list[tuple[str, Any]]) -> httpx.Response:
        bearer = {"authorization": f"Bearer {self._kept('secret')}"}
        body = [body for _, body in several] if path == "/v1/observations" else several[0][1]
        return self.http.post(f"{self.intake}{path}", json=body, headers=bearer)

    def _settle(self, path: str, several: list[tuple[str, Any]], answer: httpx.Response) -> None:
        told = answer.json()
        if path == "/v1/observations" and answer.status_code == 200:
            # One receipt for each, in their order. All of them mean: it is kept, never send again.
            for (id_, _), receipt in zip(several, told["results"], strict=True):
                self._receipt(id_, receipt["result"], receipt)
            return
        for id_, _ in several:
            # 201 stored, 200 known already, 202 quarantined: a person looks at it. All kept.
            result = {200: "duplicate", 201: "stored", 202: "quarantined"}.get(answer.status_code)
            self._receipt(id_, result or "refused", told)

    def _receipt(self, id_: str, result: str, told: Any) -> None:
        """`refused` is the app's own fault: shown, kept in the file, and not sent for ever."""
        with self.kept:
            self.kept.execute(
                "update queue set state = ?, receipt = ? where id = ?",
                (result, json.dumps(told), id_),
            )

    def crisis(self, id_: str) -> str | None:
        """What must stand on the screen at once after an answer that is red by itself."""
        [(told,)] = self.kept.execute("select receipt from queue where id = ?", (id_,))
        said = json.loads(told or "{}").get("crisis")
        return str(said["nb"]) if said else None

    def states(self) -> dict[str, str]:
        return dict(self.kept.execute("select id, state from queue order by at"))

    # --- what became of it: with the patient's own log-in ----------------------------------

    def seen(self, patient_id: str, token: str) -> list[Any]:
        """Sent, received and seen are three things: when, and by whom of the unit."""
        found: list[Any] = self._own(patient_id, "sent", token)["sent"]
        return found

    def messages(self, patient_id: str, token: str) -> Any:
        """Both sides, with `answered_by`: by when something written now is answered."""
        return self._own(patient_id, "messages", token)

    def _own(self, patient_id: str, what: str, token: str) -> Any:
        answer = self.http.get(
            f"{self.record}/v1/patients/{patient_id}/{what}",
            headers={"authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()
        return answer.json()

    # --- the file -------------------------------------------------------------------------

    def _put(self, id_: str, path: str, body: Any) -> str:
        with self.kept:
            self.kept.execute(
                "insert into queue (id, at, path, body) values (?, ?, ?, ?)",
                (id_, _now(), path, json.dumps(body)),
            )
        return id_

    def _waiting(self) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
        rows = self.kept.execute(
            "select id, path, body from queue where state = 'waiting' order by at, id"
        ).fetchall()
        readings = [(id_, json.loads(body)) for id_, path, body in rows if "observ" in path]
        for first in range(0, len(readings), AT_ONCE):
            yield "/v1/observations", readings[first : first + AT_ONCE]
        for id_, path, body in rows:
            if "observ" not in path:
                yield path, [(id_, json.loads(body))]

    def _keep(self, key: str, value: str) -> None:
        with self.kept:
            self.kept.execute("replace into phone values (?, ?)", (key, value))

    def _kept(self, key: str) -> str:
        row = self.kept.execute("select value from phone where key = ?", (key,)).fetchone()
        if row is None:
            raise SystemExit("Enrol first.")
        return str(row[0])


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--file", type=Path, default=Path("phone.sqlite"))
    told.add_argument("--intake", default="http://127.0.0.1:8001")
    told.add_argument("--record", default="http://127.0.0.1:8002")
    told.add_argument("--patience", type=float, default=30.0, help="seconds to go on trying")
    does = told.add_subparsers(dest="do", required=True)
    does.add_parser("enrol").add_argument("code")
    does.add_parser("weight").add_argument("kilos", type=float)
    does.add_parser("message").add_argument("text")
    form = does.add_parser("form")
    form.add_argument("questionnaire")
    form.add_argument("answers", nargs="+", help="linkId=JSON")
    does.add_parser("send")
    does.add_parser("states")
    for name in ("seen", "messages"):
        own = does.add_parser(name)
        own.add_argument("patient")
        own.add_argument("token")
    given = told.parse_args()
    with closing(App(given.file, given.intake, given.record)) as app:
        do(app, given)


def do(app: App, given: argparse.Namespace) -> None:
    match given.do:
        case "enrol":
            app.enrol(given.code)
        case "weight":
            app.reading("body_weight", value=given.kilos)
        case "message":
            app.message(given.text)
        case "form":
            pairs = (one.split("=", 1) for one in given.answers)
            id_ = app.answers(
                given.questionnaire, None, **{link: json.loads(value) for link, value in pairs}
            )
            app.send(given.patience)
            if words := app.crisis(id_):
                print(words)
        case "seen":
            print(json.dumps(app.seen(given.patient, given.token), ensure_ascii=False))
        case "messages":
            print(json.dumps(app.messages(given.patient, given.token), ensure_ascii=False))
        case _:
            pass
    if given.do in ("weight", "message", "send"):
        app.send(given.patience)
    if given.do in ("weight", "message", "form", "send", "states"):
        print(json.dumps(app.states()))


if __name__ == "__main__":
    main()
