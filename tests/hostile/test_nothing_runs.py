"""While configs are read and checked nothing foreign is imported, nothing is written and nothing is started."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WATCH = """
import json, random, sys
from pathlib import Path

sys.path[:0] = [{root!r}, "elsewhere"]
from tests.hostile.mutations import ROOT, WRONG, Examined, leaves, put
from tests.hostile.test_yaml import TINY, TITLE, TRICKS, read
from archipelago.errors import ArchipelagoError

examined = Examined(ROOT / "config/studies/monna.yaml")
tiny = Examined(ROOT / "tests/pipeline/tiny.yaml")
assert examined.refusal(examined.content) is None and tiny.refusal(tiny.content) is None  # imports what it needs
folder = Path("read")
folder.mkdir()
seen = []

def hook(event, arguments):
    if event == "import" and not str(arguments[0]).startswith(("archipelago.", "encodings.")):
        seen.append(["import", arguments[0]])
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append(["open", str(arguments[0]), arguments[1]])
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.mkdir", "os.remove", "os.rename",
                   "socket.connect", "shutil.rmtree", "pickle.find_class", "ctypes.dlopen"):
        seen.append([event, *map(str, arguments)])

sys.addaudithook(hook)
refused = 0
foreign = [
    "mine.Mine", "mine", "os.system", "os.mkdir", "subprocess.Popen", "antigravity.webbrowser", "builtins.eval",
    "archipelago.cli.main", "archipelago.studies.train.train", "archipelago.data.prepare.prepare",
    "archipelago.methods.robust.monna.torch", "archipelago.population.attacks.strongest",
    "archipelago.methods..mine.Mine",
    "archipelago.methods.robust.monna.MoNNA.__init__", "archipelago.models.dense.nn.Sequential",
]
for at, old in leaves(tiny.content):
    if at[-1] == "class_path":
        for path in foreign:
            refused += tiny.refusal(put(tiny.content, at, path)) is not None
for at, old in leaves(examined.content):
    if at[-1] == "attack":
        for path in foreign:
            one = {{"class_path": path}}
            for attack in (path, one, [one], {{**one, "init_args": {{}}}}):
                refused += examined.refusal(put(examined.content, at, attack)) is not None
        break
expected = sum(at[-1] == "class_path" for at, _ in leaves(tiny.content)) * len(foreign) + 4 * len(foreign)
draw = random.Random(0)
for at, old in draw.sample(list(leaves(tiny.content)), 60):
    for value in draw.sample(WRONG, 5):
        tiny.refusal(put(tiny.content, at, value))
writing = len(seen)
for trick in TRICKS.values():
    try:
        read(folder, TINY.replace(TITLE, trick))
    except ArchipelagoError:
        pass
seen = seen[:writing] + [e for e in seen[writing:] if e[:2] != ["open", "read/tiny.yaml"]]
print(json.dumps({{"refused": refused, "expected": expected, "seen": seen}}))
"""


@pytest.mark.slow
def test_nothing_foreign_happens_while_configs_are_checked(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mine.py").write_text("open('sprung', 'w').close()\n\n\nclass Mine:\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-c", WATCH.format(root=str(ROOT))],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["seen"] == []
    assert told["refused"] == told["expected"] > 100
    assert not (tmp_path / "sprung").exists()
