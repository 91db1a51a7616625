"""Fill a request in: a request, its address and variables in, what is sent out."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateError

from connectors.errors import AddressError
from connectors.payloads import merged
from connectors.request import Basic, Request
from connectors.templates import Variables, render, render_path
from connectors.xmlbody import write_xml


@dataclass(frozen=True)
class Page:
    """What asks for one page of a list: parameters, or the link to it."""

    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    link: str | None = None


@dataclass(frozen=True)
class Carried:
    """What shows who we are, ready to be sent."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Message:
    """
    A request as it goes out; of `json`, `form` and `content` one at most is set.

    `path` goes on `address`, percent-encoded. A `link` is an address from an answer, to
    be followed on the origin of `address` only.
    """

    method: str
    address: str
    path: str
    link: str | None = field(repr=False)
    query: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    json: Any = field(repr=False)
    form: Mapping[str, Any] | None = field(repr=False)
    content: bytes | None = field(repr=False)


def fill_in(
    request: Request,
    address: str,
    known: Variables,
    common: Mapping[str, str],
    carried: Carried,
    page: Page,
) -> Message:
    """
    Return the message of a request.

    `common` are the header templates of all requests; the request's own headers go
    over them and over what is carried. Raises AddressError if a template has no value,
    DocumentError for an impossible XML body.
    """
    try:
        headers = {
            **_rendered(common, known),
            **{name.lower(): value for name, value in carried.headers.items()},
            **_rendered(request.headers, known),
            **_basic(request.basic, known),
        }
        content = None
        if request.xml is not None:
            content = write_xml(render(request.xml, known))
            headers = {"content-type": "application/xml", **headers}
        query = {} if page.link else {**_query(request.query, known), **page.query}
        return Message(
            method=request.method,
            address=address,
            path=render_path(request.path, known),
            link=page.link,
            query={**query, **carried.query},
            headers=headers,
            json=_json(request, known, page),
            form=render(request.form, known),
            content=content,
        )
    except TemplateError as error:
        what = f"A template of the connector file has no value: {error.message}."
        raise AddressError(what) from None


def _query(templates: Mapping[str, str], known: Variables) -> dict[str, Any]:
    """Return the parameters; a list repeats its parameter, a null is left out."""
    rendered = render(templates, known)
    return {name: value for name, value in rendered.items() if value is not None}


def _json(request: Request, known: Variables, page: Page) -> Any:
    body = render(request.body, known)
    if request.carries_payload:
        body = known.get("body")
    if page.body and (body is None or isinstance(body, Mapping)):
        return merged(body or {}, page.body)
    return body


def _rendered(templates: Mapping[str, str], known: Variables) -> dict[str, str]:
    """Return headers with their values, by lower-case name; a null is left out."""
    headers = {}
    for name, template in templates.items():
        value = render(template, known)
        if value is None:
            continue
        text = str(value)
        if not (text.isascii() and text.isprintable()):
            raise AddressError(f"The header '{name}' gets a character it cannot carry.")
        headers[name.lower()] = text
    return headers


def _basic(basic: Basic | None, known: Variables) -> dict[str, str]:
    if basic is None:
        return {}
    name, password = render(basic.username, known), render(basic.password, known)
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}
