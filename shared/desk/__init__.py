"""What the pages of several services look like: one set of colours, shapes and style files.

Alerts shows the worklist with it, the record the set-up pages and the patient's own. A browser gets
each file from the service whose page it is on; the file itself stands here once.
"""

from collections.abc import Mapping
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"


class Files(StaticFiles):
    """A service's own files and the common ones, asked for anew when the version changes."""

    def __init__(self, directory: Path, headers: Mapping[str, str]) -> None:
        super().__init__(directory=directory)
        self.all_directories = [*self.all_directories, STATIC]
        self._headers = headers

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        for name, value in self._headers.items():
            response.headers[name] = value
        return response
