"""Somebody who keeps the mappings in a shared sheet: exports, uploads, edits, pulls."""

import subprocess
from types import SimpleNamespace

from openpyxl import load_workbook

from engine.app.workbench.tables.layout import FIRST_ROW, MEMORY, TITLES

FOLDER = "mappings/partners/etg24/stammdaten"
TABLE = f"{FOLDER}/objekte.csv"


class Analyst:
    """The specs in a git repository, and a shared sheet that was exported from them."""

    def __init__(self, desk, google):
        self.desk, self.google, self.root = desk, google, desk.root
        self.git("init", "-q")
        self.commit("first")

    def git(self, *words):
        who = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
        subprocess.run(["git", "-C", self.root, *who, *words], check=True, timeout=30)

    def commit(self, name):
        self.git("add", ".")
        self.git("commit", "-q", "-m", name)
        self.git("tag", name)

    def upload(self, *, memory=False):
        """Export the tables and share them as Google would show them."""
        book = self.desk.folder / "book.xlsx"
        done = self.desk.invoke("sheet", "export", "etg24", "-o", str(book), "--force")
        assert done.code == 0, done.err
        for number, sheet in enumerate(load_workbook(book)):
            rows = [["" if c is None else str(c) for c in row] for row in sheet.values]
            if memory or sheet.title != MEMORY:
                self.google.put(str(number * 11), sheet.title, rows)

    def rows(self, tab):
        gid = next(g for g, name in self.google.names.items() if name == tab)
        return self.google.tabs[gid]

    def edit(self, tab, name, column, text):
        """Type into a cell of the sheet: the row is named by its first column."""
        titles, *rows = self.rows(tab)[FIRST_ROW - 2 :]
        key, place = titles.index("Partnerfeld"), titles.index(TITLES[column])
        row = next(row for row in rows if row[key].removesuffix(" *") == name)
        row[place] = text

    def change(self, path, old, new):
        """Change a file in git."""
        file = self.root / path
        text = file.read_text("utf-8")
        assert text.count(old) == 1, (old, text)
        file.write_text(text.replace(old, new), "utf-8")

    def pull(self, *words):
        return self.desk.invoke("sheet", "pull", self.google.link(), *words)

    def values(self, *words, table="etg24/stammdaten/objekte"):
        found = self.pull(*words, "--json")
        tables = {
            one["table"]: SimpleNamespace(**one) for one in found.json()["tables"]
        }
        return tables[table]

    @property
    def deployed(self):
        place = str(self.desk.database)
        return ("--deployed", self.desk.name, "--database", place)

    def files(self):
        return {p: p.read_bytes() for p in self.root.rglob("*.csv")}
