"""`python -m deploy.local.issuer --port P --clients FILE`: serve until told to stop."""

import argparse
import json
import os
import sys
from pathlib import Path

import uvicorn

from deploy.local.issuer import app, settings
from deploy.local.issuer.people import in_record
from shared.settings import Mode


def main() -> None:
    parser = argparse.ArgumentParser(prog="development issuer")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=Path, required=True)
    chosen = parser.parse_args()
    mode: Mode = "test" if os.environ.get("HJEMVAKT_MODE", "test") == "test" else "production"
    realms = settings.realms(chosen.port, json.loads(chosen.clients.read_text()))
    try:
        made = app.create(realms, in_record(os.environ["HJEMVAKT_DATABASE_ALERTS"]), mode)
    except app.IssuerInProduction as error:
        sys.exit(f"{type(error).__doc__}.")
    uvicorn.run(
        made, host="127.0.0.1", port=chosen.port, log_level="warning", access_log=False,
        server_header=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
