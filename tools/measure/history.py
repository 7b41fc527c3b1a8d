"""The history of our figures, docs/bench/history.jsonl: one line of JSON for each commit that was recorded, oldest first."""
import json
import subprocess


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.strip()]
    except FileNotFoundError:
        return []


def base_of(history):
    """What the column "base" shows: the last record of a release, else the last record; None without any."""
    releases = [record for record in history if record.get("release")]
    return (releases or history or [None])[-1]


def record_made(history, record):
    """The history with the record at its end; one of the same commit is replaced, and stays a release if it was one."""
    release = next((old["release"] for old in history if old["commit"] == record["commit"] and old.get("release")), None)
    record = {**({"release": release} if release else {}), **record}
    return [old for old in history if old["commit"] != record["commit"]] + [record]


def store(path, history):
    with open(path, "w", encoding="utf-8") as f:
        for record in history:
            f.write(json.dumps(record, sort_keys=True) + "\n")


MEASURED = ("abi", "hv", "lib", "user")


def commit_of(top):
    """The last commit that changed what is measured, its date and subject; "+" behind it when files differ. None without git."""
    def git(*arguments):
        return subprocess.run(["git", "-C", top, *arguments, "--", *MEASURED], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, check=True).stdout
    try:
        commit, date, subject = git("log", "-1", "--abbrev=12", "--format=%h%n%cs%n%s").splitlines()
        changed = git("status", "--porcelain").strip()
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
    return {"commit": commit + ("+" if changed else ""), "date": date, "subject": subject}
