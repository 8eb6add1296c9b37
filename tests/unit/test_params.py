"""The params model: what it accepts, what it refuses, and that its documentation is generated from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lbc import params
from lbc.errors import ParamsError, TownError
from lbc.paths import Project
from lbc.pipeline import params_readme

ROOT = Path(__file__).resolve().parents[2]
SMALLEST = 'town: riverton\nname: {en: Riverton, zh: 河镇}\nseed: 1\nsurvey: {file: raw/survey.csv}\n'


def load(root: Path, text: str) -> params.Params:
    (root / "params").mkdir(exist_ok=True)
    (root / "params" / "riverton.yaml").write_text(text, encoding="utf-8")
    return params.load(Project(root).town("riverton"))


def faults(root: Path, text: str) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        load(root, text)
    return caught.value.faults


def test_s_town_is_valid_and_marked_synthetic() -> None:
    p = params.load(Project(ROOT).town("s_town"))
    assert p.synthetic
    assert [o.score for o in p.intervention.outcomes if o.primary] == ["cls_total"]


def test_smallest_file_gets_every_default(tmp_path: Path) -> None:
    p = load(tmp_path, SMALLEST)
    assert (p.outcome.scale, p.cleaning.min_answered, p.intervention) == ("cls", 0.8, None)


def test_readme_is_generated_from_the_model() -> None:
    assert (ROOT / "params" / "README.md").read_text(encoding="utf-8") == params_readme.describe()


def test_every_key_has_a_description() -> None:
    rows = [line for line in params_readme.describe().splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert not [row for row in rows if row.endswith("| None |")]


def test_unknown_town_names_the_towns_there_are(tmp_path: Path) -> None:
    load(tmp_path, SMALLEST)
    with pytest.raises(TownError, match="there is no town 'rivertown'") as caught:
        params.load(Project(tmp_path).town("rivertown"))
    assert "towns here: riverton" in str(caught.value)


@pytest.mark.parametrize("name", ["../etc", "River", "a-b", "", "a b", "河镇"])
def test_a_towns_name_is_a_slug(name: str, tmp_path: Path) -> None:
    with pytest.raises(TownError):
        Project(tmp_path).town(name)


@pytest.mark.parametrize("path", ["../x.csv", "/etc/passwd", "C:\\x.csv", "raw/../../x.csv", "\\\\host\\x", "raw/\\..\\..\\x"])
def test_no_path_leaves_the_data_folder(path: str, tmp_path: Path) -> None:
    found = faults(tmp_path, SMALLEST.replace("raw/survey.csv", f"'{path}'"))
    assert len(found) == 1
    assert found[0].startswith("params/riverton.yaml:4: survey.file: found ")
    assert "must stay inside the town's data folder" in found[0]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("no", "true or false"), ("Yes", "true or false"), ("on", "true or false"), ("007", "cannot begin with 0"),
        ("1e-3", "write the number out"), ("2026-09-01", "a date"), ("12:30", "base 60"), ("0x1F", "plain decimal"),
        ("1_000", "plain decimal"), (".inf", "plain decimal"),
    ],
)
def test_yaml_traps_are_named_not_cast(value: str, named: str, tmp_path: Path) -> None:
    found = faults(tmp_path, SMALLEST + f"cleaning: {{min_answered: {value}}}\n")
    assert len(found) == 1
    assert found[0].startswith(f"params/riverton.yaml:5: cleaning.min_answered: found {value} without quotes; ")
    assert named in found[0]


def test_quoted_values_are_text(tmp_path: Path) -> None:
    p = load(tmp_path, SMALLEST + 'comparison: {group: {variable: sex, reference: "007", focal: "no"}}\n')
    assert (p.comparison.group.reference, p.comparison.group.focal) == ("007", "no")


def test_numbers_are_not_taken_for_text_nor_text_for_numbers(tmp_path: Path) -> None:
    assert faults(tmp_path, SMALLEST.replace("en: Riverton", "en: 5")) == [
        "params/riverton.yaml:2: name.en: found 5; allowed: text"
    ]
    assert faults(tmp_path, SMALLEST.replace("seed: 1", 'seed: "1"')) == [
        "params/riverton.yaml:3: seed: found '1'; allowed: integer"
    ]


def test_all_mistakes_at_once_each_with_line_and_suggestion(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        "town: riverton\nname: {en: Riverton}\nsed: 3\nlanguage: fr\nsurvey:\n  file: raw/a.csv\n  fil: b\n"
        "cleaning: {min_answered: 1.5, duplicates: frist}\nprivacy: {min_cell: 3}\n",
    )
    assert found == [
        "params/riverton.yaml:2: name.zh: this key is missing",
        "params/riverton.yaml:3: sed: unknown key; did you mean 'seed'?",
        "params/riverton.yaml:4: language: found 'fr'; allowed: 'en' or 'zh'",
        "params/riverton.yaml:7: survey.fil: unknown key; did you mean 'file'?",
        "params/riverton.yaml:8: cleaning.duplicates: found 'frist'; allowed: 'first' or 'last'",
        "params/riverton.yaml:8: cleaning.min_answered: found 1.5; allowed: less than or equal to 1",
        "params/riverton.yaml:9: privacy.min_cell: found 3; allowed: greater than or equal to 5",
    ]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("town: riverton\ntown: other\n", "params/riverton.yaml:2: town: this key stands twice: keep one of the two"),
        ("a: &x 1\nb: *x\n", "anchors (&) and aliases (*) are not allowed"),
        ("town: [unclosed\n", "not YAML"),
        ("- a list\n", "expected keys with values"),
        ("x: " + "[" * 40 + "]" * 40 + "\n", "nested too deeply"),
        ("town: !!python/object:os.system x\n", "params/riverton.yaml:1"),
        ("x: '" + "y" * 70_000 + "'\n", "65536 are allowed"),
    ],
)
def test_hostile_or_broken_files_get_one_line(text: str, named: str, tmp_path: Path) -> None:
    assert any(named in fault for fault in faults(tmp_path, text))


def test_the_files_name_and_its_town_agree(tmp_path: Path) -> None:
    assert faults(tmp_path, SMALLEST.replace("town: riverton", "town: elsewhere")) == [
        "params/riverton.yaml:1: town: found 'elsewhere'; the file's name says 'riverton'"
    ]


def test_an_intervention_names_exactly_one_primary_outcome(tmp_path: Path) -> None:
    protocol = (
        "intervention:\n  outcomes:\n    - {score: cls_total, direction: down}\n"
        "  retest: {value: 0.7, low: 0.5, high: 0.9, source: x}\n"
        "  reliability: {value: 0.7, low: 0.8, high: 0.9, source: x}\n"
    )
    found = faults(tmp_path, SMALLEST + protocol)
    assert found[0] == (
        "params/riverton.yaml:9: intervention.reliability: found several keys; allowed: low, value and high must be in this order"
    )
    mended = protocol.replace("{value: 0.7, low: 0.8", "{value: 0.85, low: 0.8")
    assert "exactly one of the outcomes must be primary: true" in faults(tmp_path, SMALLEST + mended)[0]
    assert load(tmp_path, SMALLEST + mended.replace("down}", "down, primary: true}")).intervention.alpha == 0.05


def test_not_utf8_is_said_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "riverton.yaml").write_bytes("town: riverton\nname: {en: R, zh: 河镇}\n".encode("gb18030"))
    with pytest.raises(ParamsError) as caught:
        params.load(Project(tmp_path).town("riverton"))
    assert caught.value.faults == ["params/riverton.yaml:2: the file is not UTF-8: save it as UTF-8"]
