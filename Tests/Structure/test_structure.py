"""The house's own rules: which module may know which, how long a file may be, and that there is one version."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Scripts"))

from modules import modules  # noqa: E402

# What each module may depend on. Everybody may know Shared; Verifier and Drafter do not know each other.
ALLOWED = {
    "CKernels": [],
    "COpenBLAS": [],
    "SpeculateShared": ["CKernels"],
    "SpeculateVerifier": ["CKernels", "SpeculateShared"],
    "SpeculateDrafter": ["CKernels", "SpeculateShared"],
    "Speculate": ["SpeculateDrafter", "SpeculateShared", "SpeculateVerifier"],
    "SpeculateServer": ["Speculate", "SpeculateShared"],
    "SpeculateHub": ["SpeculateShared"],
    "SpeculateImport": ["SpeculateShared", "SpeculateVerifier"],
    "SpeculateAdaptation": [
        "CKernels", "COpenBLAS", "Speculate", "SpeculateDrafter", "SpeculateImport", "SpeculateShared", "SpeculateVerifier",
    ],
    "CLI": ["Speculate", "SpeculateAdaptation", "SpeculateHub", "SpeculateImport", "SpeculateServer", "SpeculateShared"],
}
OF_TESTS = {"TestSupport", "Fuzz"}
ENDINGS = {".swift", ".py", ".js", ".css", ".html", ".c", ".h", ".inc", ".sh"}
# Kernels are read from top to bottom with the assembly beside them.
LONG = {Path("Sources/CKernels/kernels.inc"), Path("Sources/CKernels/packing.c")}


def sources() -> list[Path]:
    folders = ["Sources", "Tests", "Benchmarks", "Examples", "Training", "Scripts", "Models"]
    found = [path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    hidden = [path for path in found if any(part.startswith(".") or part == "__pycache__" for part in path.parts)]
    return sorted(path for path in set(found) - set(hidden) if path.suffix in ENDINGS)


def test_modules_depend_on_those_below_them_alone() -> None:
    graph = {name: dependencies for name, dependencies in modules().items() if name not in OF_TESTS}
    assert graph == ALLOWED


def test_a_module_imports_what_its_target_names_alone() -> None:
    folders = {"Shared": "SpeculateShared", "Verifier": "SpeculateVerifier", "Drafter": "SpeculateDrafter"}
    folders |= {"Speculate": "Speculate", "Server": "SpeculateServer", "Hub": "SpeculateHub", "Import": "SpeculateImport"}
    folders |= {"Adaptation": "SpeculateAdaptation", "CLI": "CLI"}
    for folder, module in folders.items():
        for path in (ROOT / "Sources" / folder).rglob("*.swift"):
            imports = set(re.findall(r"^(?:@?\w+ )*import (?:(?:struct|class|enum|protocol|typealias|func|var|let) )?(\w+)", path.read_text(), re.MULTILINE))
            assert imports & ALLOWED.keys() <= set(ALLOWED[module]), path


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in sources() if path not in LONG}
    assert len(lengths) > 300
    assert {path: count for path, count in lengths.items() if count > 300} == {}


@pytest.mark.parametrize("part", ["Plan", "Judge", "Absorb"])
def test_the_files_of_a_round_are_short(part: str) -> None:
    text = (ROOT / f"Sources/Speculate/Round/Generation+{part}.swift").read_text()
    assert len(text.splitlines()) < 150


def test_a_pass_is_short_too() -> None:
    assert len((ROOT / "Sources/Verifier/Verifier+Forward.swift").read_text().splitlines()) < 150


def test_the_version_stands_in_one_place() -> None:
    declared = re.search(r'static let version = "([\d.]+)"', (ROOT / "Sources/Speculate/Engine/Engine+Version.swift").read_text())
    assert declared
    assert f"## [{declared[1]}]" in (ROOT / "CHANGELOG.md").read_text()
    assert f"image: speculate:{declared[1]}\n" in (ROOT / "Deploy/kubernetes.yaml").read_text()
    for path in sources():
        if path.suffix in {".swift", ".py"} and path.name != "Engine+Version.swift":
            assert f'"{declared[1]}"' not in (ROOT / path).read_text() or path.parts[0] == "Examples", path


def test_the_c_library_is_imported_in_one_file() -> None:
    importing = [path for path in sources() if path.parts[0] == "Sources" and path.suffix == ".swift"]
    importing = [path for path in importing if re.search(r"import (Glibc|Musl|Darwin)\b", (ROOT / path).read_text())]
    assert importing == [Path("Sources/Shared/LibC.swift")]


def test_every_family_is_one_file_and_registered() -> None:
    folder = ROOT / "Sources/Verifier/Families"
    registry = (folder / "FamilyRegistry.swift").read_text()
    files = [path for path in folder.glob("*.swift") if path.name != "FamilyRegistry.swift"]
    names = [re.findall(r"static let (\w+) = ModelFamily\(", path.read_text()) for path in files]
    assert files and all(len(found) == 1 for found in names)
    registered = re.search(r"verifiers: \[ModelFamily\] = \[([^\]]*)\]", registry)
    assert registered and set(re.findall(r"\.(\w+)", registered[1])) == {found[0] for found in names}
