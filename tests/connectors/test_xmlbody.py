from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import DocumentError
from connectors.xmlbody import write_xml


def body(tree):
    declaration, _, document = write_xml(tree).partition(b"\n")
    assert declaration == b"<?xml version='1.0' encoding='UTF-8'?>"
    return document.decode()


@pytest.mark.parametrize(
    ("tree", "document"),
    [
        ({"a": "x & <y>"}, "<a>x &amp; &lt;y&gt;</a>"),
        ({"a": {"b": 1, "@c": 'q"', "#text": "t"}}, '<a c="q&quot;">t<b>1</b></a>'),
        ({"a": {"z": 1, "b": 2}}, "<a><z>1</z><b>2</b></a>"),
        ({"a": {"b": [1, None, {"c": 2}]}}, "<a><b>1</b><b><c>2</c></b></a>"),
        ({"a": {"b": None, "@c": None, "#text": None}}, "<a/>"),
        ({"a": {"b": [], "c": {}, "d": ""}}, "<a><c/><d></d></a>"),
        ({"a": {"b": True, "@c": False}}, '<a c="false"><b>true</b></a>'),
        (
            {"a": {"b": 1e-7, "c": 1e21, "d": 12.5, "e": 10**20}},
            "<a><b>0.0000001</b><c>1000000000000000000000</c><d>12.5</d>"
            "<e>100000000000000000000</e></a>",
        ),
        (
            {"a": {"@xmlns": "urn:x", "@xmlns:p": "urn:p", "b": {"p:c": 1}}},
            '<a xmlns="urn:x" xmlns:p="urn:p"><b><p:c>1</p:c></b></a>',
        ),
        ({"a": {"@xml:lang": "de", "#text": "ü"}}, '<a xml:lang="de">ü</a>'),
        ({"a": "&amp; <!ENTITY x SYSTEM 'f'> &x;"},
         "<a>&amp;amp; &lt;!ENTITY x SYSTEM 'f'&gt; &amp;x;</a>"),
    ],
)  # fmt: skip
def test_a_tree_becomes_a_document(tree, document):
    assert body(tree) == document


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({}, "exactly one root"),
        ({"a": 1, "b": 2}, "exactly one root"),
        ([{"a": 1}], "exactly one root"),
        ("text", "exactly one root"),
        ({"a": [1, 2]}, "'a' of an XML document is one element"),
        ({"a": None}, "'a' of an XML document is one element"),
        ({"a": {"b": "bell \x07"}}, "'b' holds a character"),
        ({"a": {"@b": "\ud800"}}, "'b' holds a character"),
        ({"a": {"b": float("nan")}}, "'b' is no number"),
        ({"a": {"b": [[1]]}}, "'b' holds a list"),
        ({"a": {"@b": {"c": 1}}}, "'b' holds a list or an object"),
        ({"a": {"b c": 1}}, "'b c' is no name of an XML element"),
        ({"a": {"": 1}}, "'' is no name of an XML element"),
        ({"a": {"b><c": 1}}, "is no name of an XML element"),
        ({"a": {"@b c": 1}}, "'b c' is no name of an XML attribute"),
        ({"a": {"p:b": 1}}, "namespace of 'p:b' is not declared"),
    ],
)
def test_what_no_document_can_hold_is_refused(tree, said):
    with pytest.raises(DocumentError) as caught:
        write_xml(tree)
    assert said in caught.value.message
    assert caught.value.code == "D209"


def test_a_tree_that_has_no_bottom_is_refused():
    tree = {"a": 1}
    for _ in range(5000):
        tree = {"a": tree}
    with pytest.raises(DocumentError, match="nested too deeply"):
        write_xml(tree)


@given(st.text())
def test_a_text_comes_back_or_is_refused(text):
    try:
        document = write_xml({"a": {"@b": text, "c": text}})
    except DocumentError:
        return
    root = ET.fromstring(document)
    assert (root[0].text or "", root.attrib["b"]) == (text, text)
