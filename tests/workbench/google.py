"""
Two servers of this machine that answer as Google answers for a shared sheet.

What they do was not tried against Google from here; it is known from public material:

- `/export?format=csv&gid=N` answers 307 to `doc-XX-XX-sheets.googleusercontent.com`
  with a path for one use: logs of wget and test suites of public projects, issues of
  projects whose clients could not follow a 307.
- An unknown gid answers 400: measured and written down in the source of a public
  project. An unknown sheet answers 404: the test suite of one.
- A sheet that is not shared answers 401, or 302 to `accounts.google.com/ServiceLogin`,
  or a login page with 200: three public projects, three answers; all are served.
- The name of the tab stands in Content-Disposition, the sheet's title before it: test
  suites of public projects.
- `/htmlview` has `items.push({name: "...", pageUrl: "...", gid: "..."})` for each tab:
  parsers of several public projects. Undocumented.
- 429 with too many calls, and Retry-After beside it: assumed, as HTTP has it.
"""

import asyncio
import csv
import io
import json
import socket
import threading
from typing import Any, Self
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

SHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz-0123456789_ab"
LOGIN = (
    '<!doctype html><html><body><form action="https://accounts.google.com/'
    'ServiceLogin?continue=x">Anmelden</form></body></html>'
)


class Google:
    """A shared sheet; `tabs` are rows by gid, `names` what the tabs are called."""

    def __init__(self) -> None:
        self.tabs: dict[str, list[list[str]]] = {}
        self.names: dict[str, str] = {}
        self.mood = ""
        """How the export answers: a name of a method below, or as it should."""
        self.later = 0
        """So many calls are answered 429 first."""
        self.retry_after: str | None = "0"
        self.listing = True
        self.calls: list[Request] = []
        self._tickets: dict[str, str] = {}
        routes = [
            Route("/spreadsheets/d/{sheet}/export", self._export),
            Route("/spreadsheets/d/{sheet}/htmlview", self._page),
        ]
        files = [
            Route("/export/{ticket}/{sheet}", self._file),
            Route("/ServiceLogin", self._login),
            Route("/round", self._round),
        ]
        self._servers = [_Server(Starlette(routes=r)) for r in (routes, files)]
        self.url = f"http://127.0.0.1:{self._servers[0].port}"
        self.files = f"http://localhost:{self._servers[1].port}"

    def __enter__(self) -> Self:
        for server in self._servers:
            server.start()
        return self

    def __exit__(self, *error: object) -> None:
        for server in self._servers:
            server.stop()

    def link(self, gid: str = "", sheet: str = SHEET) -> str:
        tab = f"?gid={gid}#gid={gid}" if gid else "?usp=sharing"
        return f"{self.url}/spreadsheets/d/{sheet}/edit{tab}"

    def put(self, gid: str, name: str, rows: list[list[str]]) -> None:
        self.tabs[gid], self.names[gid] = rows, name

    def asked(self, path: str) -> list[Request]:
        return [call for call in self.calls if call.url.path.startswith(path)]

    async def _export(self, request: Request) -> Response:
        self.calls.append(request)
        if self.later:
            self.later -= 1
            told = {"retry-after": self.retry_after} if self.retry_after else {}
            return HTMLResponse("Too many requests", 429, headers=told)
        if self.mood:
            return await getattr(self, f"_{self.mood}")(request)
        if request.path_params["sheet"] != SHEET:
            return HTMLResponse("<html>Sorry, unable to open the file.</html>", 404)
        gid = request.query_params.get("gid") or next(iter(self.tabs))
        if gid not in self.tabs:
            return HTMLResponse("<html>Bad Request</html>", 400)
        ticket = f"t{len(self._tickets)}"
        self._tickets[ticket] = gid
        query = f"format=csv&gid={gid}"
        return RedirectResponse(f"{self.files}/export/{ticket}/{SHEET}?{query}", 307)

    async def _file(self, request: Request) -> Response:
        self.calls.append(request)
        gid = self._tickets.pop(request.path_params["ticket"], None)
        if gid is None:
            return Response("used already", 403)
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerows(self.tabs[gid])
        # Google ends no last line.
        content = out.getvalue().removesuffix("\r\n").encode()
        name = quote(f"Feld Mapping - {self.names[gid]}.csv")
        said = f"attachment; filename=\"x.csv\"; filename*=UTF-8''{name}"
        headers = {"content-disposition": said, "set-cookie": "NID=1; Path=/"}
        return Response(content, headers=headers, media_type="text/csv")

    async def _page(self, request: Request) -> Response:
        self.calls.append(request)
        if not self.listing:
            return HTMLResponse("<html><body>Before you continue</body></html>")
        items = (
            f"items.push({{name: {_script(name)}, pageUrl: "
            f'"https:\\/\\/docs.google.com\\/x?gid\\x3d{gid}", gid: "{gid}",'
            f'initialSheet: ("{gid}" == gid)}});'
            for gid, name in self.names.items()
        )
        return HTMLResponse(f"<html><script>{''.join(items)}</script></html>")

    # -- other answers of the export

    async def _login(self, request: Request) -> Response:
        self.calls.append(request)
        return HTMLResponse(LOGIN)

    async def _to_login(self, request: Request) -> Response:
        there = f"{self.files}/ServiceLogin?service=wise&continue={request.url}"
        return RedirectResponse(there, 302)

    async def _status_401(self, _: Request) -> Response:
        return HTMLResponse("<html>Unauthorized</html>", 401)

    async def _status_403(self, _: Request) -> Response:
        return HTMLResponse("<html>Forbidden</html>", 403)

    async def _status_500(self, _: Request) -> Response:
        return HTMLResponse("<html>Error</html>", 500)

    async def _status_204(self, _: Request) -> Response:
        return Response(status_code=204)

    async def _other_page(self, _: Request) -> Response:
        return HTMLResponse("<!DOCTYPE html><html><body>Wartung</body></html>")

    async def _page_as_csv(self, _: Request) -> Response:
        return Response("\n<html><body>x</body></html>", media_type="text/csv")

    async def _never(self, request: Request) -> Response:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        return Response()

    async def _drips(self, _: Request) -> Response:
        async def bytes_without_end() -> Any:
            while True:
                await asyncio.sleep(0.01)
                yield b"x"

        return StreamingResponse(bytes_without_end(), media_type="text/csv")

    async def _endless(self, _: Request) -> Response:
        async def rows_without_end() -> Any:
            while True:
                await asyncio.sleep(0)  # lets the server notice who has gone
                yield b"a,b,c\r\n" * 10_000

        return StreamingResponse(rows_without_end(), media_type="text/csv")

    async def _broken(self, _: Request) -> Response:
        return Response(b'a,"b', media_type="text/csv")

    async def _latin(self, _: Request) -> Response:
        return Response("Größe".encode("latin-1"), media_type="text/csv")

    async def _to_private(self, _: Request) -> Response:
        return RedirectResponse("https://10.0.0.7/export", 307)

    async def _to_plain(self, _: Request) -> Response:
        return RedirectResponse("http://93.184.216.34/export", 307)

    async def _to_password(self, _: Request) -> Response:
        there = self.files.replace("http://", "http://anna:geheim@")
        return RedirectResponse(f"{there}/round", 307)

    async def _packed(self, _: Request) -> Response:
        return Response(b"x", headers={"content-encoding": "br"})

    async def _too_many_rows(self, _: Request) -> Response:
        return Response(b"a\n" * 100_001, media_type="text/csv")

    async def _too_many_columns(self, _: Request) -> Response:
        return Response(b"," * 1_000, media_type="text/csv")

    async def _too_long(self, _: Request) -> Response:
        return Response(b"a" * 100_001, media_type="text/csv")

    async def _to_bad_host(self, _: Request) -> Response:
        return Response(status_code=307, headers={"location": "https://a..b/"})

    async def _to_nowhere(self, _: Request) -> Response:
        return Response(status_code=307)

    async def _around(self, _: Request) -> Response:
        return RedirectResponse(f"{self.files}/round", 307)

    async def _round(self, request: Request) -> Response:
        self.calls.append(request)
        return RedirectResponse(f"{self.files}/round", 307)


def _script(text: str) -> str:
    """Return a text as the page's script has it."""
    escaped = json.dumps(text)[1:-1].replace("/", "\\/").replace("&", "\\x26")
    return f'"{escaped}"'


class _Server:
    """An application on a port of 127.0.0.1, in a thread."""

    def __init__(self, app: Starlette) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        arguments = {"sockets": [self._socket]}
        self._thread = threading.Thread(
            target=self._server.run, kwargs=arguments, daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()
