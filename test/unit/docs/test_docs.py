"""The documents and the ABI's definition against the tree: rights of operations, tests that are named, links."""
import glob
import os
import re
import tomllib

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
# In the ABI, but not a table's: svc #1 is vcpu_run's.
NOT_IN_TABLES = {("thread", "vcpu_run")}
# Objects that programs serve at gates.
SERVED = {"vbus", "inhibitor"}
DOCUMENTS = sorted(glob.glob(os.path.join(TOP, "*.md")) + glob.glob(os.path.join(TOP, "docs", "**", "*.md"), recursive=True))


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def tables():
    """{object: {number: (right, only for self)}} from hv/call."""
    source = "".join(read("hv", "call", name) for name in os.listdir(os.path.join(TOP, "hv", "call")) if name.endswith(".c"))
    found = {}
    for name, body in re.findall(r"const struct call_op (\w+)_ops\[CALL_OPS_MAX\] = \{(.*?)\n\};", source, re.S):
        found[name] = {int(number): (right.replace("L4_RIGHT_", "").lower(), own == "true")
                       for number, right, own in re.findall(r"\[(\d+)\] = \{\w+, (\w+), (\w+)\}", body)}
    return found


def test_each_operation_asks_for_the_right_that_the_abi_names():
    have = tables()
    for kind in tomllib.loads(read("abi", "abi.toml"))["object"]:
        if kind["name"] in SERVED:
            assert kind["name"] not in have
            continue
        for name, number, right, *_ in kind["ops"]:
            if (kind["name"], name) in NOT_IN_TABLES:
                assert number not in have[kind["name"]]
                continue
            wanted = ("0", right == "self") if right in ("", "self") else (right, False)
            assert have[kind["name"]].pop(number) == wanted, f"{kind['name']}.{name}"
        assert not have.get(kind["name"]), f"operations of {kind['name']} that abi.toml does not know"


@pytest.mark.parametrize("document", ["promises.md", "threat-model.md"])
def test_the_tests_that_a_document_names_exist(document):
    file = None
    for name, test in re.findall(r"`([a-z][a-z_0-9/]*\.(?:py|c))?(?:::([a-z_0-9]+))?`", read("docs", document)):
        if name:
            places = [os.path.join(TOP, "test", folder, name) for folder in ("", "unit")]
            file = next((place for place in places if os.path.exists(place)), None)
        if test and (name, test) not in {("a.py", "b"), ("a.c", "b")}:
            assert file, f"{name}, which {document} names, is not there"
            with open(file, encoding="utf-8") as f:
                assert re.search(rf"\b{test}\b", f.read()), f"{file} has no {test}"


def anchors(text):
    """The anchors of a document's headings, as hosts of repositories make them."""
    return {re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
            for line in text.splitlines() if line.startswith("#")}


@pytest.mark.parametrize("document", DOCUMENTS, ids=[os.path.relpath(path, TOP) for path in DOCUMENTS])
def test_links_lead_somewhere(document):
    text = read(document)
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.S)):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        place = os.path.join(os.path.dirname(document), path) if path else document
        assert os.path.exists(place), f"{target} is not there"
        if anchor:
            assert anchor in anchors(read(place)), f"{target}: no such heading"
