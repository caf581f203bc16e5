from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autolora.errors import RequestError, SpaceError
from autolora.yamlfile import LARGEST_BYTES, check_keys, read_mapping

pytestmark = pytest.mark.unit


def refusal(tmp_path: Path, content: str | bytes) -> RequestError:
    path = tmp_path / "task.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RequestError) as caught:
        read_mapping(path, error=RequestError)
    return caught.value


def test_a_mapping_is_read_as_plain_values(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffname: 苦情\nlist: [1, 2.5, true, null]\n".encode())

    assert read_mapping(path, error=RequestError) == {"name": "苦情", "list": [1, 2.5, True, None]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", "task.yaml, line 3: not valid YAML"),
        ("a: 1\n\tb: 2\n", "task.yaml, line 2: not valid YAML"),
        ("a: 1\n---\nb: 2\n", "task.yaml, line 2: not valid YAML"),
        ("a: 1\nb: \x00\n", "task.yaml: not valid YAML"),
        ("a: !!python/object/apply:os.getcwd []\n", "task.yaml, line 1: not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", "task.yaml, line 3: the key 'a' is given twice"),
        ("a: {b: 1, b: 2}\n", "task.yaml, line 1: the key 'b' is given twice"),
        ("a: &x [1]\nb: *x\n", "task.yaml, line 2: aliases must not be used, but got *x"),
        ("a: &x [*x]\n", "task.yaml, line 1: aliases must not be used"),
        ("a: " + "[" * 50_000, "task.yaml, line 1: values must not be nested deeper than 16 levels"),
        ("a: [" + "1," * 6000 + "1]", "task.yaml must hold at most 5,000 keys and values"),
        ("a: 2024-13-45\n", "task.yaml: a value cannot be read: month must be in 1..12"),
        ("a: " + "9" * 5000, "task.yaml: a value cannot be read"),
        (b"a: 1\nb: \xff\xfe\n", "task.yaml, line 2: the file must be UTF-8"),
        ("- a\n- b\n", "task.yaml must be a mapping of keys to values, but got ['a', 'b']"),
        ("", "task.yaml must be a mapping of keys to values, but got None"),
        ("0x" + "f" * 9000, "but got a number of thousands of digits"),
        (b"# " + b"x" * LARGEST_BYTES, "task.yaml must be at most 262,144 bytes"),
    ],
)
def test_what_is_refused_names_the_file_and_the_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    error = refusal(tmp_path, content)

    assert message in error.message
    assert error.hint
    assert len(error.message) < 400


def test_billions_of_laughs_are_refused_before_they_are_built(tmp_path: Path) -> None:
    laughs = "a0: &a0 [ha]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))

    assert "aliases must not be used, but got *a0" in refusal(tmp_path, laughs).message


def test_tabs_get_a_hint_of_their_own(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a:\n\tb: 2\n").hint == "indent with spaces, not tabs"


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "complaints.yaml").write_text("a: 1")

    with pytest.raises(SpaceError) as caught:
        read_mapping(tmp_path / "complaint.yaml", error=SpaceError)

    assert caught.value.hint == f"did you mean {tmp_path / 'complaints.yaml'}?"


@pytest.mark.parametrize("name", ["x" * 5000, "nowhere/at/all.yaml", "with\0null"])
def test_names_that_cannot_be_files_are_absent_files(name: str) -> None:
    with pytest.raises(RequestError, match="there is no file"):
        read_mapping(Path(name), error=RequestError)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        read_mapping(tmp_path, error=RequestError)

    assert caught.value.hint == "it is a folder; give a file"


@given(content=st.one_of(st.binary(max_size=200), st.text(alphabet="ab01:-[]{},&*!?|>'\"# \n\t.e", max_size=60)))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_content_is_a_mapping_or_one_error(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)

    outcome: object
    try:
        outcome = read_mapping(path, error=RequestError)
    except RequestError as error:
        outcome = error.message

    assert isinstance(outcome, dict) or "any.yaml" in str(outcome)


def test_unknown_keys_are_answered_with_the_nearest_known() -> None:
    with pytest.raises(RequestError) as caught:
        check_keys({"max_parms": 3}, ["max_params", "max_memory"], where="limits", error=RequestError)

    assert caught.value.message == "limits.max_parms: unknown key"
    assert caught.value.hint == "did you mean max_params?"


@pytest.mark.parametrize(("key", "path"), [(1, "limits.1"), (None, "limits.None"), ("a\nb", "limits.'a\\nb'")])
def test_keys_that_are_no_names_are_unknown_keys(key: object, path: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_keys({key: 3}, ["max_params"], where="limits", error=RequestError)

    assert caught.value.message == f"{path}: unknown key"


@pytest.mark.parametrize("value", [{}, {"text": None}])
def test_a_required_key_must_have_a_value(value: dict[str, None]) -> None:
    with pytest.raises(RequestError, match=r"data\.text: must be given"):
        check_keys(value, ["text"], where="data", error=RequestError, required=["text"])
