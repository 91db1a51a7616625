"""Problems: what is wrong, where, and what to do. Values, not exceptions.

Every code of the catalogue stands here once, is never reused, and has a case in
`tests/cases/problems/`. The letter says the stage: T a table or another file of a
spec, M the mapping, C the partner's contract, S a workbook or a shared sheet, R a
record of the ERP, D the delivery.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Origin:
    """The place of a value: file, line from 1 (0 is unknown), and column."""

    file: str
    line: int = 0
    column: str = ""

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        column = f" [{self.column}]" if self.column else ""
        return f"{self.file}{line}{column}"


@dataclass(frozen=True)
class CatalogueEntry:
    """A kind of problem: its title, and what one can do about it."""

    title: str
    remedy: str
    level: Level = "error"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, at one place."""

    origin: Origin
    code: str
    message: str
    suggestion: str = ""

    @property
    def level(self) -> Level:
        return CATALOGUE[self.code].level

    def __str__(self) -> str:
        hint = f" {self.suggestion}" if self.suggestion else ""
        return f"{self.origin} {self.code}: {self.message}{hint}"

    def as_json(self) -> dict[str, object]:
        return {
            "file": self.origin.file,
            "line": self.origin.line,
            "column": self.origin.column,
            "code": self.code,
            "level": self.level,
            "rule": CATALOGUE[self.code].title,
            "message": self.message,
            "suggestion": self.suggestion or CATALOGUE[self.code].remedy,
        }


def sort(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems by place, each once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.origin, p.code, p.message)))


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems that stop the work; warnings do not."""
    return tuple(p for p in problems if p.level == "error")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """
    Return a suggestion for a misspelt word, or nothing.

    >>> did_you_mean("decmal", ["decimal", "date"])
    "Did you mean 'decimal'?"
    """
    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean '{matches[0]}'?" if matches else ""


CATALOGUE: dict[str, CatalogueEntry] = {
    # T: files of a spec, an activation
    "T001": CatalogueEntry("File not found", "Add the file, or correct its name."),
    "T002": CatalogueEntry("File cannot be decoded", "Save it as UTF-8."),
    "T003": CatalogueEntry("Not valid YAML", "Correct the syntax at the place named."),
    "T004": CatalogueEntry(
        "Does not fit its schema",
        "The schema of the file stands in schemas/feldwerk/; REFERENCE.md shows it.",
    ),
    "T005": CatalogueEntry("Not valid JSON", "Correct the syntax at the place named."),
    "T006": CatalogueEntry(
        "Encoding other than UTF-8", "Save the table as UTF-8.", "warning"
    ),
    "T101": CatalogueEntry("Unknown column", "Use the column names of REFERENCE.md."),
    "T102": CatalogueEntry("Missing column", "Add the column."),
    "T103": CatalogueEntry("Column occurs twice", "Keep one of the two."),
    "T104": CatalogueEntry(
        "Row has more cells than the header", "Quote cells that hold the delimiter."
    ),
    "T105": CatalogueEntry("Table is not valid CSV", "Close the quoted cell."),
    "T107": CatalogueEntry(
        "Value that a spreadsheet may have changed",
        "Write what was meant; let the spreadsheet import the column as text.",
        "warning",
    ),
    "T201": CatalogueEntry("Value list names an ERP value twice", "Keep one row."),
    "T204": CatalogueEntry(
        "Value list has a row without an ERP value",
        "Name the value, `*` for all others, or take the row out.",
    ),
    "T203": CatalogueEntry("File exists", "Choose another name, or edit the file."),
    "T301": CatalogueEntry("Unknown partner", "Name a partner; `feldwerk check`."),
    "T302": CatalogueEntry("Unknown use case", "Name a use case of the partner."),
    "T303": CatalogueEntry("Unknown setting", "Name a setting of the use case."),
    "T304": CatalogueEntry("Setting cannot have the value", "Choose another value."),
    "T305": CatalogueEntry("No address", "Give environment, or base_url."),
    "T306": CatalogueEntry(
        "Credential missing or not a reference", "Write `name: env:VARIABLE`."
    ),
    "T307": CatalogueEntry("No such state database", "Give a path or a database URL."),
    "T202": CatalogueEntry("Table without an entity", "Rename or remove the table."),
    # M: what the cells of a mapping mean
    "M101": CatalogueEntry("Unknown field", "Name a field of the Standard."),
    "M102": CatalogueEntry(
        "No source, or more than one",
        "Give one of erp_field, id_parts, reference, or a default alone.",
    ),
    "M103": CatalogueEntry(
        "Cell cannot be read", "Correct the cell; see REFERENCE.md."
    ),
    "M104": CatalogueEntry("Unknown transform", "Use a transform of REFERENCE.md."),
    "M105": CatalogueEntry("Wrong arguments", "Give what the transform takes."),
    "M106": CatalogueEntry("Unknown value list", "Add lists/<name>.csv."),
    "M107": CatalogueEntry(
        "Several values for one", "Begin the pipe with join or first."
    ),
    "M108": CatalogueEntry(
        "Partner field twice", "Keep one row, or give the earlier ones a condition."
    ),
    "M109": CatalogueEntry("No ID row, or two", "One row of each table has id_parts."),
    "M110": CatalogueEntry("Unknown entity", "Name an entity of use_case.yaml."),
    "M111": CatalogueEntry("Way of a reference", "Name the way: objekte(gebaeude)."),
    "M112": CatalogueEntry("Entities refer in a circle", "Take one reference out."),
    "M113": CatalogueEntry("Unknown setting", "Name a setting of use_case.yaml."),
    "M114": CatalogueEntry("Example fails", "Correct the rule or the example."),
    "M115": CatalogueEntry(
        "Transform without example", "Add example and expected.", "warning"
    ),
    "M116": CatalogueEntry("Default of a wrong type", "Give what the partner takes."),
    "M117": CatalogueEntry(
        "Rows of a list disagree", "Let all rows of a list read the same records."
    ),
    "M118": CatalogueEntry("Template cannot be used", "Name its fields in erp_field."),
    "M119": CatalogueEntry("Rule cannot be used", "Correct it in use_case.yaml."),
    "M120": CatalogueEntry("Unknown Standard entity", "Name one of schemas/standard/."),
    "M121": CatalogueEntry("Unknown condition", "Use a condition of REFERENCE.md."),
    "M122": CatalogueEntry("Not a JSONPath", "Correct the path."),
    "M123": CatalogueEntry("Cell does not fit this kind of row", "Empty the cell."),
    "M124": CatalogueEntry(
        "Relation cannot be used", "Correct it under `related` in use_case.yaml."
    ),
    "M125": CatalogueEntry(
        "Records cannot be matched by this",
        "Name fields of the payload that rows of the table fill.",
    ),
    # C: the partner's contract
    "C001": CatalogueEntry("Not a JSON Schema", "Correct the schema."),
    "C002": CatalogueEntry(
        "Schema refers to another one", "Write out what $ref stands for."
    ),
    "C101": CatalogueEntry("Unknown partner field", "Name a field of the schema."),
    "C102": CatalogueEntry("Required field without a row", "Add a row for the field."),
    "C103": CatalogueEntry("List value the partner refuses", "Correct the list."),
    "C104": CatalogueEntry("No payload schema", "Add the schema of the entity."),
    "C105": CatalogueEntry(
        "Entity not in the connector file", "Add it under `entities`."
    ),
    "C106": CatalogueEntry("Read-only partner field", "Remove the row."),
    "C109": CatalogueEntry(
        "Reference to another entity than the partner wants", "Correct the reference."
    ),
    "C110": CatalogueEntry(
        "Setting of the connector file is missing",
        "Add it to the settings of use_case.yaml.",
    ),
    "C111": CatalogueEntry(
        "Addresses and schema disagree",
        "A field with x-in: path stands in an address as {{ path.NAME }}.",
    ),
    "C112": CatalogueEntry(
        "Nothing says how to remove", "Add `remove` to the entity's connector file."
    ),
    "C113": CatalogueEntry(
        "Record that is made anew is pointed to",
        "Take x-immutable away, or the references.",
    ),
    "C108": CatalogueEntry("Expected value the partner refuses", "Correct the rule."),
    # S: workbooks and shared sheets
    "S001": CatalogueEntry(
        "No such version of the specs",
        "Name a folder with mappings, a git revision or a workbook.",
    ),
    "S010": CatalogueEntry(
        "Workbook cannot be written",
        "Name a new file that ends in .xlsx; --force replaces one that is there.",
    ),
    "S011": CatalogueEntry(
        "Table does not fit into a workbook",
        "A sheet holds 1,000,000 rows, and 32,767 characters in a cell: shorten it.",
    ),
    "S012": CatalogueEntry(
        "Workbook is not complete",
        "Correct what `feldwerk check` shows, then export again.",
        "warning",
    ),
    "S020": CatalogueEntry("Not a workbook", "Name a workbook that is saved as .xlsx."),
    "S021": CatalogueEntry(
        "Workbook has a password", "Save it without a password, then import it."
    ),
    "S022": CatalogueEntry(
        "Workbook has macros", "Save it as .xlsx, which leaves the macros out."
    ),
    "S023": CatalogueEntry(
        "Workbook is too large",
        "Delete what is no mapping, and the formatted rows below the tables.",
    ),
    "S024": CatalogueEntry(
        "Workbook is damaged", "Open it in a spreadsheet and save it anew as .xlsx."
    ),
    "S025": CatalogueEntry(
        "Workbook has no table", "Export a workbook: `feldwerk sheet export`."
    ),
    "S026": CatalogueEntry(
        "Tab names no table",
        "Write partner/use_case/table, or partner/use_case/lists/name, into cell A1.",
    ),
    "S027": CatalogueEntry("Table stands in two tabs", "Delete one of the two tabs."),
    "S028": CatalogueEntry(
        "Title of a column is wrong", "Write the titles as `sheet export` does."
    ),
    "S029": CatalogueEntry(
        "Column is not read", "Leave it, or correct its title.", "warning"
    ),
    "S030": CatalogueEntry("Merged cells", "Unmerge them, and fill each cell."),
    "S031": CatalogueEntry(
        "Formula in a table", "Copy the cell and paste it as a value."
    ),
    "S032": CatalogueEntry(
        "Value that a spreadsheet has changed",
        "Format the cell as text and type the value again.",
    ),
    "S033": CatalogueEntry(
        "Value that a spreadsheet may have changed",
        "If it is wrong, format the cell as text and type the value again.",
        "warning",
    ),
    "S034": CatalogueEntry(
        "Hidden rows, columns or tabs are read",
        "Nothing: what a filter hides is part of the table.",
        "warning",
    ),
    "S035": CatalogueEntry(
        "Tab is not read", "Nothing, unless a table was meant.", "warning"
    ),
    "S036": CatalogueEntry(
        "Sheet and file were changed differently",
        "Decide: write the one that is right into both, then import again.",
    ),
    "S037": CatalogueEntry(
        "Table has no tab", "Nothing: what has no tab stays as it is.", "warning"
    ),
    "S038": CatalogueEntry(
        "Not known what the table was",
        "Look at the changes: all that differs from the file counts as meant.",
        "warning",
    ),
    "S039": CatalogueEntry(
        "Table cannot be written",
        "Look at the disk and the rights of the folder, then import again.",
    ),
    "S040": CatalogueEntry(
        "Not the link of a shared sheet",
        "Copy it from the browser: https://docs.google.com/spreadsheets/d/ID/edit?gid=N",
    ),
    "S041": CatalogueEntry(
        "Sheet is not shared",
        "In the sheet: Share > General access > Anyone with the link > Viewer.",
    ),
    "S042": CatalogueEntry(
        "No such shared sheet", "Open the sheet and copy its link again."
    ),
    "S043": CatalogueEntry(
        "No such tab in the sheet", "Open the tab and copy its link: it ends in gid=N."
    ),
    "S044": CatalogueEntry(
        "Sheet cannot be reached",
        "Check the network and try again later: nothing was changed.",
    ),
    "S045": CatalogueEntry(
        "Sheet's answer is no table",
        "Open the link in a private window: it has to show the sheet without a login.",
    ),
    "S046": CatalogueEntry(
        "Not known what is deployed",
        "Name an activation that has run, and the database of its runs.",
    ),
    "S047": CatalogueEntry(
        "Not known who changed what",
        "Name what the sheet was made from: --base REVISION, or --deployed ACTIVATION.",
    ),
    "S049": CatalogueEntry(
        "Further tabs of the sheet are not read",
        "Give the link of each tab, or its number with --gid.",
        "warning",
    ),
    "S050": CatalogueEntry(
        "Version has nothing of the partner",
        "Name a version that holds the partner's tables, or another activation.",
    ),
    "S051": CatalogueEntry(
        "Option cannot be used so", "See the command with --help, and repeat it."
    ),
    "S070": CatalogueEntry(
        "Record cannot be read",
        "Give a record of the Standard as JSON; REFERENCE.md shows its fields.",
    ),
    "S071": CatalogueEntry(
        "Row to change is not clear",
        "Write `partner_field=NAME, COLUMN=CELL`, or `line=N, COLUMN=CELL`.",
    ),
    "S072": CatalogueEntry(
        "Table was changed meanwhile",
        "Undo, which reads it again, and repeat the change.",
    ),
    "S073": CatalogueEntry(
        "No record to try",
        "Give --activation FILE, --source FOLDER or --record JSON.",
    ),
    "S074": CatalogueEntry(
        "Every record is left out",
        "Name one with --key, and see why.",
    ),
    "S075": CatalogueEntry(
        "Editor cannot be started", "Name another in the variable EDITOR."
    ),
    "S080": CatalogueEntry(
        "Workbook cannot be marked",
        "Copy its tables into a new workbook, or look at the problems without --out.",
    ),
    "S081": CatalogueEntry(
        "Marks stay in the workbook",
        "Nothing is lost: the tables are as told. Export a new workbook to go on.",
        "warning",
    ),
    "S082": CatalogueEntry(
        "Workbook does not know of its import",
        "The tables are as told. Export a new workbook before you change them again.",
        "warning",
    ),
    "S085": CatalogueEntry("Table was changed meanwhile", "Run the command again."),
    "S086": CatalogueEntry(
        "Shared sheet is too large",
        "Read some of its tabs with --gid, or put the tables into another sheet.",
    ),
    "S087": CatalogueEntry(
        "Sheet leads where nobody follows",
        "Copy the link from the browser in which the sheet is shown.",
    ),
    # R: files and records of the ERP
    "R001": CatalogueEntry(
        "Source folder or file not found", "Check the path of the source folder."
    ),
    "R002": CatalogueEntry(
        "File does not fit its declared encoding",
        "Declare the encoding that the ERP writes in source.yaml.",
    ),
    "R003": CatalogueEntry("File is cut off", "Let the ERP export the file again."),
    "R004": CatalogueEntry(
        "Workbook cannot be read", "Save it as .xlsx, without a password."
    ),
    "R005": CatalogueEntry(
        "Header is wrong", "Name each key field once in the first row."
    ),
    "R006": CatalogueEntry(
        "source.yaml is wrong", "REFERENCE.md shows what it may declare."
    ),
    "R007": CatalogueEntry(
        "Unknown column", "Correct its name, or leave it: it is not read.", "warning"
    ),
    "R008": CatalogueEntry(
        "File is not read",
        "Name it after an entity of the Standard, or take it out.",
        "warning",
    ),
    "R009": CatalogueEntry(
        "What decides about removals is missing",
        "Let the ERP export the field or the file again.",
    ),
    "R101": CatalogueEntry(
        "Value is not of its type",
        "Correct it in the ERP, or declare in source.yaml how it is written.",
    ),
    "R102": CatalogueEntry("Key part is missing", "Fill it in the ERP."),
    "R103": CatalogueEntry(
        "Row does not fit the header", "Quote cells that hold the delimiter."
    ),
    "R104": CatalogueEntry("Key occurs twice", "Keep one of the two records."),
    "R105": CatalogueEntry(
        "Text was decoded wrongly",
        "Correct it in the ERP: it was stored in the wrong encoding.",
    ),
    "R106": CatalogueEntry("Line is not a JSON object", "Write one object per line."),
    "R107": CatalogueEntry(
        "Value is not allowed",
        "Use one of the allowed values; REFERENCE.md shows them.",
    ),
    "R201": CatalogueEntry(
        "Value refused by a transform", "Correct it in the ERP, or change the rule."
    ),
    "R202": CatalogueEntry(
        "ID part contains the separator", "Choose another separator for the activation."
    ),
    "R203": CatalogueEntry("Field has no value", "Fill it in the ERP."),
    "R204": CatalogueEntry("ID part is missing", "Fill it in the ERP."),
    "R205": CatalogueEntry(
        "Points to a record that is not there", "Let the ERP export that record."
    ),
    "R206": CatalogueEntry(
        "Waits for another record",
        "Look after that record; this one follows by itself.",
    ),
    "R207": CatalogueEntry(
        "Breaks the partner's schema", "Correct it in the ERP, or change the rule."
    ),
    "R208": CatalogueEntry(
        "Two records have one ID", "Make the ERP numbers unique, or add an ID part."
    ),
    "R209": CatalogueEntry("No such record", "Give our ID, or the ERP key: 1/1001/01."),
    "R301": CatalogueEntry("Left out by a rule", "The rule says why; no error."),
    "R302": CatalogueEntry(
        "Left out with another record", "The chain shows the record; no error."
    ),
    "R303": CatalogueEntry("Rejected by a rule", "Correct the record in the ERP."),
    # D: the delivery to a partner
    "D101": CatalogueEntry(
        "Partner refuses the credentials",
        "Check the credentials of the activation, and that their user is not blocked.",
    ),
    "D102": CatalogueEntry(
        "Partner cannot be reached",
        "Check the base URL and the network, then run again: nothing is lost.",
    ),
    "D103": CatalogueEntry(
        "Budget of the partner is used up",
        "Run again when the message says: the run goes on where it ended.",
    ),
    "D104": CatalogueEntry(
        "Partner's host is in a private network",
        "Correct the base URL; only the environment `test` may lead into one.",
    ),
    "D201": CatalogueEntry(
        "Partner finds the record invalid",
        "Correct what the partner names, in the ERP or in the mapping.",
    ),
    "D202": CatalogueEntry(
        "Partner does not allow it",
        "Let the partner give the user of the credentials the right.",
    ),
    "D203": CatalogueEntry(
        "Partner does not know the record",
        "It was deleted there, or the connector file has a wrong path.",
    ),
    "D204": CatalogueEntry(
        "Record is in conflict with another one at the partner",
        "Look for a duplicate, or for a parent that is missing.",
    ),
    "D205": CatalogueEntry(
        "Partner answers with an error",
        "Try again later; tell the partner if it stays.",
    ),
    "D206": CatalogueEntry(
        "Outcome at the partner is unknown",
        "The next run looks it up before it sends anything.",
    ),
    "D207": CatalogueEntry(
        "Identifier cannot stand in an address",
        "Compose it of parts that are not empty.",
    ),
    "D208": CatalogueEntry(
        "Partner's answer has another shape",
        "Compare the paths in the connector file with the partner's documentation.",
    ),
    "D209": CatalogueEntry(
        "Value cannot stand in a document",
        "Take the control character out of the value in the ERP.",
    ),
    "P001": CatalogueEntry(
        "No saved plan", "Name a file that `feldwerk plan --out FILE` wrote."
    ),
    "P002": CatalogueEntry(
        "Plan is out of date", "Make a new plan, look at it, and apply that one."
    ),
    "P003": CatalogueEntry(
        "Plan cannot be released", "See `feldwerk status` for the plans that wait."
    ),
    "P004": CatalogueEntry(
        "Report cannot be written", "Name a file in a folder that you may write to."
    ),
    "D301": CatalogueEntry("Already running", "Wait until the other run has ended."),
    "D302": CatalogueEntry(
        "State database cannot be used",
        "Check the path or the URL of `state`, its disk and who else uses it, and run "
        "again: nothing is lost.",
    ),
    "D303": CatalogueEntry(
        "Records would get other IDs",
        "Restore the separator or the ID rule, or decide with `feldwerk release`.",
    ),
    "D304": CatalogueEntry(
        "Run was taken over", "Nothing: the other process finishes what this one began."
    ),
    "D305": CatalogueEntry(
        "No room for temporary files",
        "Free the disk, or name another folder in TMPDIR, and run again.",
    ),
    "D311": CatalogueEntry(
        "Report cannot be used", "Make it anew with `feldwerk match --out`."
    ),
    "D312": CatalogueEntry(
        "Report does not fit any more", "Make it anew with `feldwerk match --out`."
    ),
    "D313": CatalogueEntry(
        "Decision cannot be used",
        "In `accept` write yes or no, in `partner_id` one of the candidates.",
    ),
    "D314": CatalogueEntry(
        "Partner could not be read to the end", "Run again; nothing was changed."
    ),
    "D320": CatalogueEntry(
        "Production is not approved",
        "Read `feldwerk activation check-list NAME`, then approve it.",
    ),
    "D321": CatalogueEntry(
        "Approval was for something else",
        "Read `feldwerk activation check-list NAME` again and approve anew.",
    ),
    "D322": CatalogueEntry(
        "No such activation", "Add it: `feldwerk activation add FILE`."
    ),
    "D323": CatalogueEntry(
        "Records stay at the partner",
        "Pause it instead, or repeat with --yes: Feldwerk forgets them.",
    ),
    "D324": CatalogueEntry(
        "Run ended its worker several times",
        "Look at the memory and the log of the workers; its next slot tries it again.",
    ),
    "D325": CatalogueEntry(
        "Run failed by an error of Feldwerk", "Report it with the log of the worker."
    ),
    "D326": CatalogueEntry(
        "Service is being stopped", "Nothing: its next start goes on with the run."
    ),
    "D327": CatalogueEntry(
        "One service at a time on SQLite",
        "Stop the other one, or use PostgreSQL for several workers.",
    ),
    "D340": CatalogueEntry(
        "Service is not protected",
        "Put a secret of 32 characters or more into the place that is named.",
    ),
    "D345": CatalogueEntry(
        "Address cannot be listened to", "Choose another host or port."
    ),
    "D346": CatalogueEntry(
        "Several customers know somebody by this key",
        "Say which one with --customer or --activation.",
    ),
    "D341": CatalogueEntry(
        "Nobody is known by this key",
        "Give the key of a person as `status` and `explain` show it, or our ID.",
    ),
    "D342": CatalogueEntry(
        "Changes are held back", "Look at `feldwerk plan`, then decide: `release`."
    ),
    "D343": CatalogueEntry(
        "Records are rejected", "`feldwerk rejects` shows them and why."
    ),
    "D344": CatalogueEntry(
        "Worker died", "Nothing for its runs, others take them over; start it again."
    ),
}
