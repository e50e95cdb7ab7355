"""Bad input on the command line: each call ends with status 2 and a sentence, before anything is measured."""

from __future__ import annotations

import shlex

import pytest

from workbench import cli

# what argparse refuses: missing and unknown arguments, values that are no numbers
USAGE = """
run
run a b
runs extra
runs --folder
backbones --limit 3
stages
rank
rank digits --limit x
rank digits --backbones
diagnose
diagnose digits
diagnose digits --backbone wb/vit --minutes x
pretrain
pretrain residual-shape --images x
info extra
doctor
''
"""
# what a command refuses: the call, and words of its sentence
REFUSED = """
run '' | no run is called
run nowhere | no run is called 'nowhere'
run empty | no run is called 'empty'
run note.txt | no run is called 'note.txt'
runs --folder nowhere | expected a folder of runs
runs --folder note.txt | expected a folder of runs
backbones "parameters <" | is not a bound
backbones "parameters < many" | no column is called 'many'
backbones "name == 3" | cannot be compared
stages '' | a name or a path
stages note.txt | not a file of weights
stages empty | contains no weights
stages resnet81 | resnet18
rank '' | is empty
rank '  ' | is empty
rank nowhere | nor is there such a folder
rank empty | one folder per class
rank broken | none of the 2 images
rank note.txt | expected a table
rank bytes.csv | expected a table
rank digits --limit 0 | at least 20
rank digits --limit -5 | at least 20
rank digits --limit 20 --backbones wb/vit wb/vit | given twice
diagnose nowhere --backbone wb/vit | nor is there such a folder
diagnose digits --backbone nothing | no backbone is called
diagnose digits --backbone wb/vit --minutes 0 | above 0
diagnose digits --backbone wb/vit --minutes -1 | between 0 and
diagnose digits --backbone wb/vit --minutes nan | finite
diagnose digits --backbone wb/vit --report empty | it is a folder
diagnose digits --backbone wb/vit --report nowhere/why.html | no such folder
pretrain nothing | no pretraining is called
pretrain residual-shape --images 0 | 1,000 to
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A current folder with an empty folder, images that are empty files, a text and bytes that are no text."""
    for name in ("empty", "broken/a", "broken/b"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("broken/a/1.jpg", "broken/b/2.jpg", "note.txt"):
        (tmp_path / name).touch()
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("line", USAGE.strip().splitlines())
def test_usage_is_explained(line, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(shlex.split(line))
    assert ended.value.code == 2 and "error: " in capsys.readouterr().err


@pytest.mark.parametrize("line", REFUSED.strip().splitlines())
def test_a_bad_value_is_a_sentence(line, capsys):
    call, words = line.split(" | ")
    assert cli.main(shlex.split(call)) == 2
    printed = capsys.readouterr()
    # what it is about to do may be said before
    *_, sentence = printed.err.splitlines()
    assert words in sentence and not printed.out
