"""Wrong requests, and what the one error of each must say."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field

import numpy as np
from safetensors.numpy import save

ROWS = "".join(f"text number {at},{'abc'[at % 3]}\n" for at in range(30))
GOOD = {
    "data.csv": f"text,label\n{ROWS}",
    "base/config.json": '{"model_type": "bert"}',
    "base/model.safetensors": save({"weight": np.zeros(1, dtype=np.float32)}),
}
SPACE = """\
version: 1
parameters:
  rank: {type: choice, values: [1, 2]}
  learning_rate: {type: float, low: 1.0e-4, high: 1.0e-2, log: true}
fixed: {target_modules: attention, layers: all}
"""
TASK = """\
version: 1
data: {path: data.csv, text: text, label: label}
base_model: base
space: quick
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A wrong request, and what its error must say."""

    says: tuple[str, ...]
    """Rule, value and way out."""
    files: dict[str, str | bytes | None] = field(default_factory=dict)
    """Changes to the good files; None removes one."""
    data: str = "data.csv"
    flags: tuple[str, ...] = ()
    base: str | None = "base"


def space(old: str, new: str) -> dict[str, str | bytes | None]:
    assert old in SPACE
    return {"space.yaml": SPACE.replace(old, new)}


OWN_SPACE = ("--space", "space.yaml")
CASES = {
    # ------------------------------------------------------------------------------------------------------------ data
    "missing file": Case(
        data="reviews.jsonl", says=("there is no file or folder '", "/reviews.jsonl'", "check the path")
    ),
    "misspelt file": Case(
        data="dta.csv", says=("there is no file or folder '", "/dta.csv'", "did you mean", "data.csv?")
    ),
    "missing text column": Case(flags=("--text", "body"), says=("'body'", "text", "label", "data.csv")),
    "missing label column": Case(flags=("--label", "team"), says=("'team'", "text", "label", "data.csv")),
    "one column for both": Case(
        flags=("--label", "text"), says=("must be two columns, but both are 'text'", "name the")
    ),
    "empty file": Case(files={"data.csv": ""}, says=("data.csv is empty", "give a file with a header")),
    "header only": Case(files={"data.csv": "text,label\n"}, says=("data.csv has no rows", "below the header")),
    "one class": Case(
        files={"data.csv": "text,label\n" + "".join(f"t{at},a\n" for at in range(9))},
        says=("only one class, 'a'; at least 2 are needed", "add rows of another class"),
    ),
    "a class too small to split": Case(
        files={"data.csv": f"text,label\n{ROWS}rare,d\n"},
        says=("class 'd' has 1 row", "at least 3 are needed to split it", "merge it"),
    ),
    "blank labels": Case(
        files={"data.csv": f"text,label\n{ROWS}one,\ntwo, \n"},
        says=("column 'label' is blank in 2 rows (rows 31, 32)", "fill or remove them"),
    ),
    "blank texts": Case(
        files={"data.csv": f"text,label\n,a\n{ROWS}"},
        says=("column 'text' is blank in 1 row (row 1)", "fill or remove them"),
    ),
    "a label for every row": Case(
        files={"data.csv": "text,label\n" + "".join(f"t{at},{at}\n" for at in range(9))},
        says=("9 different labels in 9 rows", "looks like an identifier", "the column that holds the classes"),
    ),
    "a row with too many cells": Case(
        files={"data.csv": f"text,label\n{ROWS}one,two,a\n"},
        says=("row 31 (line 32) has 3 cells, but the header has 2", "put quotes"),
    ),
    "a row with too few cells": Case(
        files={"data.csv": f"text,label\n{ROWS}one\n"},
        says=("row 31 (line 32) has 1 cell, but the header has 2", "put quotes"),
    ),
    "quotes that are not closed": Case(
        files={"data.csv": f'text,label\n"one,a\n{ROWS}'},
        says=("data.csv, in the row that starts on line 2: quotes do not pair up", "close every quoted cell"),
    ),
    "two columns of one name": Case(
        files={"data.csv": "text,label,label\n" + ROWS.replace("\n", ",x\n")},
        says=("data.csv: 2 columns are called 'label'", "rename or remove the others"),
    ),
    "all texts blank": Case(
        files={"data.csv": "text,label\n" + " ,a\n,b\n" * 6},
        says=("column 'text' is blank in 12 rows (rows 1, 2, 3, 4, 5, ...)", "fill or remove them"),
    ),
    "a NUL character": Case(
        files={"data.csv": f"text,label\n{ROWS}o\0ne,a\n"},
        says=("data.csv holds a NUL character on line 32", "export the file again"),
    ),
    "no text file": Case(
        files={"data.csv": b"text,label\n\xff\xfe,a\n"},
        says=("data.csv is not UTF-8", "byte 11 (0xff, on line 2)", "save it as UTF-8", "--encoding"),
    ),
    "two encodings in one file": Case(
        files={"data.csv": f"text,label\nご注文,a\n{ROWS}".encode() + "修理の件,b\n".encode("cp932")},
        says=("data.csv mixes encodings: line 2 is UTF-8, and line 33 is not", "convert the file to UTF-8"),
    ),
    "an encoding that only a guess could tell": Case(
        files={"data.csv": f"text,label\nété,a\n{ROWS}".encode("cp1252")},
        says=("data.csv is not UTF-8, and its encoding cannot be told: byte 11 (0xe9, on line 2)", "--encoding"),
    ),
    "an encoding that is none": Case(
        flags=("--encoding", "utf8-jp"), says=("there is no encoding 'utf8-jp'", "for example utf-8, cp932")
    ),
    "an encoding that does not fit": Case(
        files={"data.csv": f"text,label\nété,a\n{ROWS}".encode("cp1252")},
        flags=("--encoding", "cp932"),
        says=("data.csv is not cp932: byte 13 (0xe9, on line 2) cannot be read", "leave the encoding out"),
    ),
    "a mark that the rest does not keep to": Case(
        files={"data.csv": b"\xff\xfet\0e\0x"},
        says=("begins with the mark of UTF-16-LE, but byte 6", "damaged or cut off"),
    ),
    "a packed file that is cut off": Case(
        files={"data.csv.gz": gzip.compress(ROWS.encode())[:-9]},
        data="data.csv.gz",
        says=("data.csv.gz cannot be unpacked: ", "pack the file again"),
    ),
    "a format that is not read": Case(
        files={"data.docx": "x"}, data="data.docx", says=("extension '.docx'", ".csv", "convert it")
    ),
    "a workbook that is none": Case(
        files={"data.xlsx": "x"}, data="data.xlsx", says=("data.xlsx cannot be read as a workbook", "save it again")
    ),
    "a Parquet file that is none": Case(
        files={"data.parquet": "x" * 99},
        data="data.parquet",
        says=("data.parquet cannot be read as Parquet", "write the file again"),
    ),
    "a folder that is no dataset": Case(
        files={"folder/notes.txt": "x"},
        data="folder",
        says=("folder is a folder, but not a dataset saved with datasets.save_to_disk", "give one of its files"),
    ),
    "a line that is no JSON": Case(
        files={"data.jsonl": '{"text": "one", "label": "a"}\n{"text": '},
        data="data.jsonl",
        says=("data.jsonl, line 2 is not JSON", "write one object a line"),
    ),
    "a list in a cell": Case(
        files={"data.jsonl": '{"text": ["one"], "label": "a"}'},
        data="data.jsonl",
        says=("data.jsonl, line 1, key 'text' holds an array", "join or flatten it"),
    ),
    "half of a character": Case(
        files={"data.jsonl": '{"text": "\\ud83d", "label": "a"}'},
        data="data.jsonl",
        says=("line 1, key 'text' holds half of a character (a lone surrogate)", "write it in full"),
    ),
    "a file name that is too long": Case(
        data=f"{'n' * 300}.csv", says=("cannot be opened: File name too long", "check")
    ),
    "the data themselves to test on": Case(
        flags=("--test", "data.csv"), says=("every text of data.csv, given to test on, is in data.csv too", "leave the")
    ),
    "missing test file": Case(
        flags=("--test", "held_out.parquet"), says=("there is no file or folder '", "/held_out.parquet'", "check")
    ),
    "a test label that training lacks": Case(
        files={"later.csv": "text,label\nx,z\n"},
        flags=("--test", "later.csv"),
        says=("labels that the training rows lack", "'z'", "remove them"),
    ),
    "rows too few for the classes": Case(
        flags=("--rows", "4"), says=("rows must be at least", "3 classes of data.csv", "but got 4", "use more rows")
    ),
    "no rows": Case(
        flags=("--rows", "0"), says=("rows must be a whole number of at least 1, but got 0", "leave it out")
    ),
    "a URL for data": Case(
        data="https://example.com/reviews.csv",
        says=("there is no file or folder '", "example.com/reviews.csv'", "check"),
    ),
    "a device for data": Case(
        data="/dev/null", says=("'/dev/null' is neither a file nor a folder", "save its rows in a file")
    ),
    "one JSON array for lines": Case(
        files={"data.jsonl": '[{"text": "a", "label": "b"}]\n'},
        data="data.jsonl",
        says=("data.jsonl, line 1 holds an array, but every line must be one JSON object", "write one object a line"),
    ),
    "JSON that is nested without end": Case(
        files={"data.jsonl": '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}"},
        data="data.jsonl",
        says=("data.jsonl, line 1 is not usable JSON: it is nested too deeply", "write one object a line"),
    ),
    "a JSON line without a label": Case(
        files={"data.jsonl": '{"text": "one", "label": "a"}\n{"text": "two"}\n'},
        data="data.jsonl",
        says=("data.jsonl, line 2: there is no column 'label'; there are 'text'", "name the text and label columns"),
    ),
    "a packed file that is none": Case(
        files={"data.csv.gz": "text,label\n"}, data="data.csv.gz", says=("Not a gzipped file", "pack the file again")
    ),
    "a mark and nothing after it": Case(
        files={"data.csv": b"\xef\xbb\xbf"}, says=("data.csv is empty", "give a file with a header")
    ),
    "no name for a column": Case(flags=("--text", ""), says=("text must be text, but got ''", "write a text")),
    "a column to split by that is not there": Case(
        flags=("--split-by", "customer"),
        says=("data.csv: there is no column 'customer'", "'text', 'label'", "name the"),
    ),
    "a column to split by that is the same everywhere": Case(
        files={"data.csv": "text,label,c\n" + ROWS.replace("\n", ",x\n")},
        flags=("--split-by", "c"),
        says=("class 'a' is in the rows of 1 different keys only", "split by something finer"),
    ),
    "times that are none": Case(
        flags=("--split-by-time", "label"),
        says=("data.csv, column 'label', row 1: 'a' cannot be read as a time", "write years first, such as 2026-03-31"),
    ),
    "two ways to split": Case(
        flags=("--split-by", "label", "--split-by-time", "label"),
        says=("at most one of split_by and split_by_time", "'label'", "leave one out"),
    ),
    "test rows without the text column": Case(
        files={"later.csv": "body,label\nx,a\n"},
        flags=("--test", "later.csv"),
        says=("later.csv: there is no column 'text'; there are 'body', 'label'", "name the text"),
    ),
    "an empty file to test on": Case(
        files={"later.csv": ""}, flags=("--test", "later.csv"), says=("later.csv is empty", "give a file with a header")
    ),
    # --------------------------------------------------------------------------------------------------------- answers
    "prompts without answers": Case(
        data="data.jsonl",
        files={"data.jsonl": '{"prompt": "a"}\n'},
        flags=("--prompt", "prompt"),
        says=("data.jsonl, line 1: there is no column 'completion'", "prompt"),
    ),
    "blank answers": Case(
        data="data.jsonl",
        files={
            "data.jsonl": "".join(
                f'{{"prompt": "p{at}", "completion": "{"" if at == 4 else "c"}"}}\n' for at in range(9)
            )
        },
        flags=("--prompt", "prompt"),
        says=("data.jsonl: column 'completion' is blank in 1 row (row 5)", "fill or remove them"),
    ),
    "roles out of order": Case(
        data="data.jsonl",
        files={"data.jsonl": '{"messages": [{"role": "assistant", "content": "a"}]}\n' * 9},
        flags=("--messages", "messages"),
        says=("data.jsonl, row 1, column 'messages', message 1: roles are out of order", "put the messages in order"),
    ),
    "an unknown role": Case(
        data="data.jsonl",
        files={"data.jsonl": '{"messages": [{"role": "bot", "content": "a"}]}\n' * 9},
        flags=("--messages", "messages"),
        says=("message 1: role must be one of system, user, assistant, but it is 'bot'", "rename or remove it"),
    ),
    "texts and prompts together": Case(
        flags=("--text", "text", "--label", "label", "--prompt", "prompt"),
        says=(
            "columns must be named as text and label, as prompt and completion, or as messages",
            "name one of the three",
        ),
    ),
    "a template without a place": Case(
        flags=("--prompt", "text", "--completion", "label", "--template", "Question:"),
        says=("template must be chat, plain, or a text in which {prompt} stands once", "write, for example"),
    ),
    "a template for classes": Case(
        flags=("--text", "text", "--label", "label", "--template", "plain"),
        says=("template is for problem generation", "leave it out"),
    ),
    "a metric of answers for classes": Case(
        flags=("--metric", "chrf"),
        says=("problem generation does not fit the columns label, text", "name prompt and completion"),
    ),
    "accuracy of open answers": Case(
        data="data.jsonl",
        files={"data.jsonl": "".join(f'{{"prompt": "p{at}", "completion": "c{at}"}}\n' for at in range(9))},
        flags=("--prompt", "prompt", "--metric", "accuracy"),
        says=("metric accuracy needs a closed set of answers in column 'completion'", "search with chrf"),
    ),
    # ------------------------------------------------------------------------------------------------------------ base
    "no base": Case(base=None, says=("a search needs a base model", "give --base-model")),
    "absent base": Case(base="./absent", says=("/absent' does not exist", "config.json and model.safetensors")),
    "absent base on the hub": Case(
        base="owner/absent", says=("'owner/absent' is neither a folder here", "check the id and the network")
    ),
    "a file for a base": Case(base="base/config.json", says=("'base/config.json' is a file", "give its folder")),
    "a base without configuration": Case(
        files={"base/config.json": None},
        says=("/base' holds model.safetensors", "give the folder"),
    ),
    "a base with a broken configuration": Case(
        files={"base/config.json": '{"model_type": '},
        says=("config.json of '", "/base' cannot be read: Expecting value", "copy the model"),
    ),
    "a base with remote code in its configuration": Case(
        files={"base/config.json": '{"auto_map": {"AutoModel": "x.X"}}'},
        says=("brings its own code is refused", "'auto_map'", "transformers itself knows"),
    ),
    "a base with python files": Case(
        files={"base/modeling_x.py": "1/0"},
        says=("brings its own code is refused", "modeling_x.py", "transformers itself knows"),
    ),
    "a base without safetensors": Case(
        files={"base/model.safetensors": None, "base/pytorch_model.bin": "pickle"},
        says=("/base' has none", "convert them"),
    ),
    "a base whose weights are damaged": Case(
        files={"base/model.safetensors": "version https://git-lfs.github.com/spec/v1"},
        says=("model.safetensors of '", "/base' is damaged", "copy the model again"),
    ),
    "a base with a list for configuration": Case(
        files={"base/config.json": "[1]"},
        says=("config.json of '", "must hold keys and values", "copy the model again"),
    ),
    "a base whose weights are empty": Case(
        files={"base/model.safetensors": b""}, says=("model.safetensors of '", "is damaged", "copy the model again")
    ),
    "a base whose name is too long": Case(
        base="n" * 300, says=("cannot be opened: File name too long", "check its name")
    ),
    # ----------------------------------------------------------------------------------------------------------- space
    "an unknown space": Case(
        flags=("--space", "encodr"), says=("no search space or file 'encodr'", "did you mean encoder?")
    ),
    "rank 0": Case(
        files=space("[1, 2]", "[0, 2]"),
        flags=OWN_SPACE,
        says=("rank must be a whole number of at least 1, but got 0", "space.yaml", "give another value"),
    ),
    "an inverted range": Case(
        files=space("low: 1.0e-4, high: 1.0e-2", "low: 1.0e-2, high: 1.0e-4"),
        flags=OWN_SPACE,
        says=("low must be below high, but got low=0.01, high=0.0001", "parameters.learning_rate", "swap them"),
    ),
    "a range that ends in NaN": Case(
        files=space("high: 1.0e-2", "high: .nan"),
        flags=OWN_SPACE,
        says=("low and high must be finite numbers, but got low=0.0001, high=nan", "give two such numbers"),
    ),
    "a number that YAML reads as text": Case(
        files=space("low: 1.0e-4", "low: 1e-4"),
        flags=OWN_SPACE,
        says=("low and high must be finite numbers, but got low='1e-4'", "write 1.0e-4"),
    ),
    "an unknown key in a space": Case(
        files=space("learning_rate:", "lerning_rate:"),
        flags=OWN_SPACE,
        says=("parameters.lerning_rate: unknown key", "did you mean learning_rate?"),
    ),
    "a range of layers that there cannot be": Case(
        files=space("layers: all", "layers: lst_half"),
        flags=OWN_SPACE,
        says=("layers must be a range of layers", "but got 'lst_half'", "did you mean last_half?"),
    ),
    "a space of a billion laughs": Case(
        files={"space.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nparameters: *c\n"},
        flags=OWN_SPACE,
        says=("space.yaml", "alias"),
    ),
    "a space that is a list": Case(
        files={"space.yaml": "- rank\n"}, flags=OWN_SPACE, says=("space.yaml must be a mapping", "key: value")
    ),
    "a choice of nothing": Case(
        files=space("[1, 2]", "[]"),
        flags=OWN_SPACE,
        says=("parameters.rank: values must be a list of at least one value, but got []", "write [a, b]"),
    ),
    "a choice given twice": Case(
        files=space("[1, 2]", "[2, 2]"),
        flags=OWN_SPACE,
        says=("values must differ, but got 2 twice in [2, 2]", "remove one"),
    ),
    "a log scale from nothing": Case(
        files=space("low: 1.0e-4", "low: 0"),
        flags=OWN_SPACE,
        says=("low must be positive on a log scale, but got low=0", "raise low, or leave log out"),
    ),
    "a dropout of more than everything": Case(
        files=space("fixed: {", "fixed: {dropout: 1.5, "),
        flags=OWN_SPACE,
        says=("fixed.dropout: dropout must be a number in [0, 1), but got 1.5", "give another value"),
    ),
    "a training of no length": Case(
        files=space("fixed: {", "fixed: {epochs: 0, "),
        flags=OWN_SPACE,
        says=("fixed.epochs: epochs must be a number above 0, but got 0", "give another value"),
    ),
    "a parameter that is fixed too": Case(
        files=space("fixed: {", "fixed: {rank: 2, "),
        flags=OWN_SPACE,
        says=("fixed.rank: rank is given under parameters too", "remove one of them"),
    ),
    "a space with nothing to search": Case(
        files={"space.yaml": "version: 1\nparameters: {}\n"},
        flags=OWN_SPACE,
        says=("space.yaml: parameters: must hold at least one parameter, but got none", "give one more than a value"),
    ),
    "a key given twice in a space": Case(
        files=space("fixed:", "version: 1\nfixed:"), flags=OWN_SPACE, says=("space.yaml", "version", "twice")
    ),
    # ------------------------------------------------------------------------------------------------ request and flags
    "missing task file": Case(data="task.yaml", base=None, says=("there is no file 'task.yaml'", "check the path")),
    "an unknown key in a task": Case(
        files={"task.yaml": TASK + "metrc: accuracy\n"},
        data="task.yaml",
        base=None,
        says=("task.yaml", "metrc: unknown key", "did you mean metric?"),
    ),
    "an unknown key inside a task": Case(
        files={"task.yaml": TASK + "limits: {max_param: 5}\n"},
        data="task.yaml",
        base=None,
        says=("limits.max_param: unknown key", "did you mean max_params?"),
    ),
    "an unknown metric": Case(
        flags=("--metric", "macro-f1"),
        says=(
            "metric must be one of macro_f1, accuracy, micro_f1, mae, r2, chrf, rouge_l, token_f1, exact_match,"
            " completion_loss, but got 'macro-f1'",
            "did you mean macro_f1?",
        ),
    ),
    "a budget in no unit": Case(flags=("--budget", "15"), says=("budget: a duration", "but got '15'", "write 15m")),
    "a budget in words": Case(flags=("--budget", "a while"), says=("budget: a duration", "but got 'a while'", "15m")),
    "a size in no unit": Case(flags=("--max-memory", "8"), says=("max_memory", "at least 1,024, but got 8", "8GB")),
    "no trials": Case(
        flags=("--trials", "0"), says=("trials must be a whole number of at least 1, but got 0", "change")
    ),
    "a score in percent": Case(
        flags=("--min-metric", "80"), says=("min_metric must be between 0 and 1, but got 80.0", "write 80 % as 0.8")
    ),
    "a score of a metric that is not computed": Case(
        flags=("--kpi", "acuracy=0.9"),
        says=(
            "kpi must be of metrics that are computed with metric macro_f1",
            "got 'acuracy'",
            "did you mean accuracy?",
        ),
    ),
    "a score that is no number": Case(
        flags=("--min-metric", "nan"), says=("(for mae and completion_loss a number from 0), but got nan", "0.8")
    ),
    "a seed below nothing": Case(
        flags=("--seed", "-1"), says=("seed must be a whole number from 0 to 2,147,483,647, but got -1", "change seed")
    ),
    "a budget of no time": Case(
        flags=("--budget", "0m"), says=("budget: a duration must be longer than nothing, but got '0m'", "15m")
    ),
    "a folder for results whose name is too long": Case(
        flags=("--out", "n" * 300), says=("cannot be: File name too long", "choose another --out")
    ),
    "a task of another version": Case(
        files={"task.yaml": TASK.replace("version: 1", "version: 2")},
        data="task.yaml",
        base=None,
        says=("task.yaml: version must be 1, but got 2", "write version: 1"),
    ),
    "a task indented with tabs": Case(
        files={"task.yaml": "version: 1\n\tname: x\n"},
        data="task.yaml",
        base=None,
        says=("task.yaml, line 2: not valid YAML", "indent with spaces, not tabs"),
    ),
    "a task that would run a program": Case(
        files={"task.yaml": TASK + "name: !!python/object/apply:os.system ['true']\n"},
        data="task.yaml",
        base=None,
        says=("task.yaml, line 5: not valid YAML", "python/object/apply:os.system", "check"),
    ),
    "a task whose name is a path": Case(
        files={"task.yaml": TASK + "name: ../../etc\n"},
        data="task.yaml",
        base=None,
        says=("name must be at most 80 letters", "but got '../../etc'", "change it"),
    ),
    "half a trial": Case(
        files={"task.yaml": TASK + "budget: {trials: 2.5}\n"},
        data="task.yaml",
        base=None,
        says=("task.yaml: budget: trials must be a whole number of at least 1, but got 2.5", "change trials"),
    ),
    "two sources of data": Case(
        files={"task.yaml": TASK.replace("{path:", "{hub: a/b, path:")},
        data="task.yaml",
        base=None,
        says=("exactly one of path and hub must be given, but got path='data.csv' and hub='a/b'", "name a file"),
    ),
    # ---------------------------------------------------------------------------------------------------------- resume
    "a run folder whose request is damaged": Case(
        files={"old/task.yaml": "version: [1\n"},
        data="old",
        base=None,
        flags=("--resume",),
        says=("task.yaml, line 2: not valid YAML", "check indents"),
    ),
    "a run folder whose data are gone": Case(
        files={"old/task.yaml": TASK.replace("data.csv", "gone.csv")},
        data="old",
        base=None,
        flags=("--resume",),
        says=("there is no file or folder '", "/old/gone.csv'", "check the path"),
    ),
    "a run folder whose data record is damaged": Case(
        files={
            "old/task.yaml": TASK.replace("data.csv", "../data.csv").replace("base\n", "../base\n"),
            "old/data.json": "{",
        },
        data="old",
        base=None,
        flags=("--resume",),
        says=("data.json in the run folder 'old' cannot be read: Input data was truncated", "changed by hand"),
    ),
    "nothing to resume": Case(
        data="runs", base=None, flags=("--resume",), says=("'runs' is not a run folder: it has no task.yaml", "--out")
    ),
    "nothing to resume in the folder named": Case(
        flags=("--resume",), says=("'out' is not a run folder: it has no task.yaml", "give the --out of a search")
    ),
}
