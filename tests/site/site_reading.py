"""Read the generated Markdown back: text in, headings, tables and bullets out."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import yaml
from typer.testing import CliRunner

from engine.app.cli import app
from engine.runtime.library import INSTALLED
from engine.spec import Folders

FACTS = yaml.safe_load(Path(__file__).with_name("facts.yaml").read_text("utf-8"))


def copy_specs(root: Path, *partners: str) -> Path:
    """Copy the specs of some partners, and all that they stand on, to a new root."""
    source, target = Folders(INSTALLED), Folders(root)
    shutil.copytree(source.standard, target.standard)
    cases = "mappings/use_cases"
    shutil.copytree(INSTALLED / cases, root / cases)
    target.connector("x").parent.mkdir(parents=True)
    for partner in partners:
        shutil.copy(source.connector(partner), target.connector(partner))
        shutil.copytree(source.schemas(partner), target.schemas(partner))
        shutil.copytree(source.mappings(partner), target.mappings(partner))
    return root


def invoke(*words: str) -> SimpleNamespace:
    """Run a command in this process."""
    found = CliRunner().invoke(app, list(words))
    return SimpleNamespace(code=found.exit_code, out=found.stdout, err=found.stderr)


class Page:
    """A page of Markdown, read by its headings."""

    def __init__(self, text: str) -> None:
        matter = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
        self.matter = yaml.safe_load(matter[1]) if matter else {}
        self.lines = text[matter.end() if matter else 0 :].splitlines()

    @property
    def headings(self) -> list[str]:
        return [_bare(line) for line in self.lines if line.startswith("#")]

    def section(self, *headings: str) -> list[str]:
        """Return the lines under a heading, found below the ones before it."""
        lines = self.lines
        for heading in headings:
            start = next(i for i, line in enumerate(lines) if _bare(line) == heading)
            level = len(heading) - len(heading.lstrip("#"))
            rest = lines[start + 1 :]
            ends = [i for i, line in enumerate(rest) if 0 < _level(line) <= level]
            lines = rest[: ends[0]] if ends else rest
        return lines


def _level(line: str) -> int:
    found = re.match(r"#+(?= )", line)
    return len(found[0]) if found else 0


def _bare(line: str) -> str:
    return re.sub(r" <a href=.*", "", line) if _level(line) else ""


def plain(text: str) -> str:
    """Return a text without links, code and emphasis."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).strip()
    for mark in ("**", "_", "`"):
        inner = text.removeprefix(mark).removesuffix(mark)
        if text == f"{mark}{inner}{mark}" and mark not in inner:
            text = inner
    return text.replace("\\|", "|")


def table(lines: list[str]) -> list[list[str]]:
    """Return the rows of the first table, without its two header lines."""
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        rows.append([plain(cell) for cell in cells])
    return rows[2:]


def bullets(lines: list[str]) -> list:
    """Return bullets as text; what is below one follows it as a list."""
    found: list = []
    for line in lines:
        match = re.match(r"( *)\* (.*)", line)
        if not match:
            continue
        if not match[1]:
            found.append(match[2].strip())
        elif isinstance(found[-1], list):
            found[-1].append(match[2].strip())
        else:
            found.append([match[2].strip()])
    return found


def labelled(lines: list[str]) -> dict[str, str]:
    """Return `**Label**: text` bullets by their labels."""
    pairs = (re.match(r"\* \*\*(.+?)\*\*: ?(.*)", line) for line in lines)
    return {match[1]: match[2] for match in pairs if match}


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[dict]] = []

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append({"text": "", "codes": []})
        elif tag == "code":
            self.rows[-1][-1]["codes"].append("")
        self._code = tag == "code"

    def handle_endtag(self, tag):
        self._code = False

    def handle_data(self, data):
        self.rows[-1][-1]["text"] += data
        if self._code:
            self.rows[-1][-1]["codes"][-1] += data


def html_table(lines: list[str]) -> list[list[dict]]:
    """Return the rows of the first HTML table: the text and the codes of each cell."""
    cells = _Cells()
    cells.feed(next((line for line in lines if line.startswith("<table>")), ""))
    return cells.rows[1:]
