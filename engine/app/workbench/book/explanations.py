"""What each column of a table is for: the German notes behind the titles of a tab."""

from collections.abc import Mapping

from engine.app.workbench.tables.layout import NUMBER

EXPLANATIONS: Mapping[str, str] = {
    NUMBER: "Die Reihenfolge der Zeilen; neue Zeilen haben keine Nummer. Von mehreren "
    "Zeilen für ein Feld gilt die erste, deren Bedingung stimmt. Eine andere "
    "Reihenfolge: die Nummern tauschen.",
    "partner_field": "Das Feld des Partners, in das der Wert geht. Ein * dahinter "
    "heißt: Pflichtfeld. [] steht für eine Liste.\n"
    "Beispiel: address.street, tenants[].externalId",
    "erp_field": "Das Feld des ERP, aus dem der Wert kommt; mehrere mit ; getrennt. "
    "Ein Punkt führt zu einem anderen Datensatz, [] zu mehreren.\n"
    "Beispiel: bezeichnung, gebaeude.baujahr, vorname; nachname",
    "transform": "Was mit dem Wert auf dem Weg geschieht; mehrere Schritte mit | "
    "getrennt.\n"
    "Beispiel: trim | upper, lookup(nutzungsart)",
    "id_parts": "Nur in der Zeile der ID, statt ERP-Feld: die Nummern, aus denen sie "
    "zusammengesetzt wird, mit ; getrennt.\n"
    "Beispiel: mandant_nr; we_nr; geb_nr",
    "reference": "Statt ERP-Feld: die Entität, auf deren Datensatz das Feld zeigt. Der "
    "Weg dorthin steht in Klammern, wenn der Name ihn nicht sagt.\n"
    "Beispiel: objekte, einheiten(mietvertrag.verwaltungseinheit)",
    "when": "Die Zeile zählt nur, wenn diese Bedingung stimmt.\n"
    'Beispiel: art = "natuerlich", bezeichnung is not empty',
    "default": "Der Wert, wenn die Quelle leer ist. Allein in einer Zeile: ein fester "
    "Wert.\n"
    "Beispiel: DE",
    "if_empty": "Was ein leerer Wert bewirkt.\n"
    "omit: das Feld bleibt weg (so auch ohne Angabe)\n"
    "clear: das Feld wird beim Partner geleert\n"
    "keep: beim Partner bleibt, was da ist\n"
    "reject: der Datensatz wird abgewiesen",
    "if_wrong": "Was ein ungültiger Wert bewirkt.\n"
    "reject: der Datensatz wird abgewiesen (so auch ohne Angabe)\n"
    "omit: das Feld bleibt weg, mit einer Warnung",
    "write": "Wann die Zeile zählt.\n"
    "always: immer (so auch ohne Angabe)\n"
    "create, update, remove: nur beim Anlegen, Ändern oder Entfernen\n"
    "later: ein Verweis, der nachgereicht wird",
    "example": "Ein Wert zum Testen, so wie er im ERP steht; mehrere mit ; getrennt "
    "wie im ERP-Feld. Der Test läuft bei jeder Prüfung.\n"
    "Beispiel: Lindenweg; 4; a",
    "expected": "Was aus dem Beispiel werden soll; leer, wenn nichts herauskommen soll."
    "\nBeispiel: Lindenweg 4 a",
    "note": "Für Menschen: warum die Zeile so ist. Feldwerk liest sie nicht.",
    "erp_value": "Der Wert des ERP. Groß oder klein ist egal; * steht für alle anderen."
    "\nBeispiel: wohnen",
    "partner_value": "Der Wert, den der Partner dafür bekommt.\nBeispiel: WOHNUNG",
    "type": "Was der Partner in diesem Feld annimmt. Nur zur Information.",
    "evidence": "Woher wir das Feld kennen.\n"
    "gesehen: auf einer Seite oder an der Schnittstelle des Partners\n"
    "dokumentiert: aus einer öffentlichen Dokumentation\n"
    "erschlossen: aus beidem gefolgert\n"
    "vorgeschlagen: von uns, beim Partner nicht geprüft\n"
    "Nur zur Information.",
}
"""Column -> the note behind its title."""
