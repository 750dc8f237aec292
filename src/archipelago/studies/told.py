"""A walk back from a number, as a text for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import yaml

from archipelago.studies.walk import Document

YES_NO = {True: "yes", False: "no", None: "?"}


def told(found: Document) -> str:
    """What ``archipelago.studies.trace.trace`` found, from the numbers to the data."""
    runs = found["runs"]
    lines = [found["asked"] + (f": {found['verdict']}" if "verdict" in found else "")]
    lines += _if(found.get("statement"))
    lines += ["", "numbers", *_numbers(found["numbers"])] if found["numbers"] else []
    lines += [f"shown      {'; '.join(found['shown']) or 'nowhere'}"] if "shown" in found else []
    lines += ["", *(_run(runs[0]) if len(runs) == 1 else _runs(runs))]
    return "\n".join(lines)


def _if(text: str | None) -> list[str]:
    return [text] if text else []


def _numbers(numbers: Sequence[Document]) -> list[str]:
    same = {True: "the same when computed again", False: "ANOTHER when computed again", None: ""}
    rows = [[one["what"], one["shown"], f"n = {one['n']}", one["file"], same[one["same"]]] for one in numbers]
    return _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns, two blanks between them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _runs(runs: Sequence[Document]) -> list[str]:
    """Many runs: a line each, then all that they share or differ in."""
    head = ["arm", "condition", "seed", "key", "partition", "code", "here", "records"]
    rows = [
        [
            run["arm"],
            run["condition"],
            str(run["seed"]),
            run["key"],
            run["partition"]["key"] if run["partition"] else "-",
            run["code"]["key"] or "?",
            YES_NO[any(run["files"].values())],
            {True: "as in the table", False: "NOT AS IN THE TABLE", None: "?"}[run["records"]],
        ]
        for run in runs
    ]
    lines = [f"runs       {len(runs)}", *_table([head, *rows]), ""]
    lines += [f"config     {line}" for line in _distinct(_config(run) for run in runs)]
    codes: dict[str, list[str]] = {}
    for run in runs:
        codes.setdefault(run["code"]["key"] or "?", []).append(run["arm"])
    lines += [f"code       {key} of {', '.join(dict.fromkeys(arms))}" for key, arms in codes.items()]
    lines += [f"           {line}" for line in _distinct(_trained(run["code"]) for run in runs)]
    lines += [f"           {line}" for line in _here(runs)]
    checked = [run["partition"] for run in runs if run["partition"]]
    if checked:
        here = {one["key"]: one for one in checked if one["here"]}
        told = f"{len({one['key'] for one in checked})} in results/store/partitions, {len(here)} of them here"
        found = _distinct(one["checked"] for one in here.values() if one["checked"])
        lines.append(f"partition  {', '.join([told, *found])}")
    lines += [f"data       {line}" for line in _distinct(_data(run) for run in runs)]
    return [*lines, "", "`archipelago trace KEY` shows all of a run: its specification, its modules, its files."]


def _run(run: Document) -> list[str]:
    """One run, all of it."""
    lines = [f"run        {run['key']}"]
    lines += [f"           arm {run['arm']} in {run['condition']}, seed {run['seed']}"] if run["arm"] else []
    lines += [f"           {file}: {'here' if here else 'not here'}" for file, here in run["files"].items()]
    records = {True: "its records are the table's rows", False: "ITS RECORDS ARE NOT THE TABLE'S ROWS"}
    lines += [f"           {records[run['records']]}"] if run["records"] is not None else []
    lines += [f"config     {_config(run)}"]
    if spec := run["config"]["spec"]:
        lines += [f"           {line}" for line in yaml.safe_dump(spec, sort_keys=False, width=100).splitlines()]
    lines += [f"code       {run['code']['key'] or '?'}", f"           {_trained(run['code'])}"]
    lines += [f"           {line}" for line in _here([run])]
    for kind in ("modules", "packages"):
        lines += [f"           {name} {version}" for name, version in (run["code"][kind] or {}).items()]
    if partition := run["partition"]:
        here = partition["checked"] or ("here" if partition["here"] else "not here")
        lines.append(f"partition  {partition['key']}, {partition['file']}: {here}")
    lines.append(f"data       {_data(run)}")
    return lines


def _config(run: Document) -> str:
    if run["state"]:
        return f"{run['config']['file']} of {run['state']}, whose config and sources give this key"
    known = "spec.json tells the specification" if run["config"]["spec"] else "the specification is not known"
    packages = ", ".join(f"{name} {version}" for name, version in (run["code"]["packages"] or {}).items())
    with_packages = f"; it was trained with {packages}" if packages else ""
    return (
        f"{run['config']['file'] or 'of an unknown study'}: no commit's config and sources give this key with the "
        f"packages that are installed{with_packages}; {known}"
    )


def _trained(code: Document) -> str:
    if not code["commit"]:
        return "the commit it was trained at is not recorded"
    proof = {True: "gives the run's key", False: "gives another key", None: "is not known to git here"}
    dirty = "; the sources had been changed since" if code["dirty"] else ""
    return f"trained at commit {code['commit']}, which {proof[code['confirmed']]}{dirty}"


def _here(runs: Sequence[Document]) -> list[str]:
    """Whether this checkout gives the runs their keys, and what of them differs where it does not."""
    others = [run["here"] for run in runs if run["here"] and run["here"]["key"] != run["key"]]
    absent = sum(run["here"] is None for run in runs)
    if not others and not absent:
        return [f"this checkout gives {'the same key' if len(runs) == 1 else 'the same keys'}"]
    told = [f"this checkout has no run of that name for {absent} of {len(runs)}"] if absent else []
    which = (
        f"{len(others)} of them other keys"
        if len(runs) > 1
        else f"it another key, {others[0]['key']}"
        if others
        else ""
    )
    told += [f"this checkout gives {which}; what differs:"] if others else []
    for kind in ("config", "modules", "packages", "inputs"):
        pairs = {name: pair for one in others for name, pair in (one[kind] or {}).items()}
        told += [f"  {kind[:-1] if kind != 'config' else kind} {name}: {_pair(*pair)}" for name, pair in pairs.items()]
        if any(one[kind] is None for one in others):
            told.append(f"  {kind}: not known of the run")
    return told


def _pair(run: object, here: object) -> str:
    return f"{'absent' if run is None else run} -> {'absent' if here is None else here}"


def _data(run: Document) -> str:
    data = run["data"]
    if data is None:
        return "not known here"
    return f"{data['name']} {data['checksum']}, {data['folder']}: " + (
        data["checked"] or ("here" if data["here"] else "not here (`snakemake data` or `dvc pull`)")
    )


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
