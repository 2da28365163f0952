"""A runner that behaves as the parameter `behave` of its pipeline says. It speaks the protocol of a real one."""

import fcntl
import json
import os
import select
import signal
import struct
import sys
import time

PIPE = sys.stdout.buffer


def say(message):
    text = json.dumps(message).encode()
    PIPE.write(struct.pack("<I", len(text)) + text)
    PIPE.flush()


def hear():
    header = sys.stdin.buffer.read(4)
    if len(header) < 4:
        return None
    return json.loads(sys.stdin.buffer.read(struct.unpack("<I", header)[0]))


PROGRESS = {
    "stage": "stream", "bytesTotal": 100, "bytesRead": 40, "rowsTotal": None, "recordsSuccessful": 4,
    "recordsFailed": 1, "rowsTransformed": 4, "rowsLoaded": 4, "usage": None,
}


class Attempt:
    def __init__(self, task):
        self.folder = task["folder"]
        self.lines = 0
        self.lock = open(self.folder + "/lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.lock.write(str(os.getpid()))
        self.lock.flush()
        self.spool = open(self.folder + "/log.ndjson", "ab", buffering=0)

    def log(self, message, level="INFO"):
        self.lines += 1
        line = {"line": self.lines, "at": "2026-01-01T00:00:00Z", "level": level, "message": message}
        self.spool.write(json.dumps(line).encode() + b"\n")

    def end(self, outcome, progress=PROGRESS):
        report = {"outcome": outcome, "progress": progress, "rejects": [], "rejectFile": None}
        with open(self.folder + "/outcome.tmp", "w") as file:
            json.dump(report, file)
        os.rename(self.folder + "/outcome.tmp", self.folder + "/outcome.json")

    def complete(self):
        self.end({"completed": {"path": "/nowhere/out.csv", "rows": 4, "bytes": 10}})


def progress(rows):
    return PROGRESS | {"recordsSuccessful": rows, "recordsFailed": 0, "rowsTransformed": rows, "rowsLoaded": rows}


def count(attempt, rows):
    """Moves one row after another, and holds still while it is paused. Each row is a line of log."""
    done, is_paused, started = 0, False, time.monotonic()
    while done < rows:
        while select.select([sys.stdin.buffer], [], [], 0.01 if is_paused else 0)[0]:
            message = hear()
            if message == "cancel":
                attempt.end("cancelled", progress(done))
                return
            if message is None:
                return
            is_paused = message == "pause"
            if is_paused:
                attempt.log("paused")
        if not is_paused:
            attempt.log(f"row {done}")
            done += 1
            time.sleep(0.002)
        elapsed_ms = int((time.monotonic() - started) * 1000)
        say({"reading": {"elapsed_ms": elapsed_ms, "progress": progress(done), "rejects": None}})
        say("spooled")
    attempt.end({"completed": {"path": "/nowhere/out.csv", "rows": done, "bytes": 10}}, progress(done))


def fail(attempt, kind):
    failure = {"kind": kind, "code": "scripted", "message": "the script says so", "remedy": "look at the script"}
    attempt.end({"failed": failure})


def main():
    behave = sys.argv[1] if len(sys.argv) > 1 else ""
    if behave == "foreign":
        say({"hello": {"greeting": "somebody-else", "version": 1}})
        time.sleep(600)
    say({"hello": {"greeting": "etlplus-runner", "version": 2}})
    task = hear()
    if task is None:
        return
    task = task["task"]["run"]
    behave = task["definition"]["parameters"].get("behave", "complete")
    attempt = Attempt(task)
    if behave == "complete":
        attempt.log("begin")
        say({"reading": {"elapsed_ms": 10, "progress": PROGRESS, "rejects": None}})
        attempt.complete()
    elif behave == "environment":
        with open("/proc/self/environ", "rb") as file:
            for variable in file.read().decode().split("\0"):
                if variable:
                    attempt.log(variable.split("=")[0])
        attempt.complete()
    elif behave == "flood":
        for number in range(20_000):
            attempt.log(f"line {number}")
            if number % 500 == 0:
                say("spooled")
        attempt.complete()
    elif behave == "waits":
        attempt.log("waiting")
        say("spooled")
        while True:
            message = hear()
            if message == "cancel":
                attempt.end("cancelled")
                return
            if message is None:
                return
    elif behave == "counts":
        count(attempt, 300)
    elif behave == "mistaken":
        fail(attempt, "user_mistake")
    elif behave.startswith("fails_before_"):
        if task["attempt"] < int(behave.removeprefix("fails_before_")):
            attempt.log(f"attempt {task['attempt']} fails")
            fail(attempt, "transient")
        else:
            attempt.complete()
    elif behave == "silence":
        attempt.log(f"silence of {task['silence_max_ms']} ms")
        attempt.complete()
    elif behave == "stubborn":
        # It ends when its input does, and not because it was asked to.
        attempt.log("stubborn")
        say("spooled")
        while hear() is not None:
            pass
    elif behave == "stubborn_first" and task["attempt"] == 1:
        # It hears neither its supervisor nor the end of its pipe, and never ends by itself.
        attempt.log("stubborn")
        say("spooled")
        while True:
            time.sleep(600)
    elif behave == "stubborn_first":
        attempt.complete()
    elif behave == "killed":
        attempt.log("last words of the log")
        print("last words of stderr", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    elif behave == "greedy":
        usage = {"cpuMs": 1, "memoryBytes": 1 << 40, "memoryPeakBytes": 1 << 40, "readBytes": None, "writtenBytes": None}
        say({"reading": {"elapsed_ms": 10, "progress": PROGRESS | {"usage": usage}, "rejects": None}})
        time.sleep(600)
    elif behave == "exits":
        sys.exit(7)
    elif behave == "huge_frame":
        PIPE.write(struct.pack("<I", 0xFFFFFFFF))
        PIPE.flush()
        time.sleep(600)
    elif behave == "deaf":
        os.close(1)
        time.sleep(600)
    elif behave == "no_json":
        PIPE.write(struct.pack("<I", 4) + b"\x00\xff!!")
        PIPE.flush()
        time.sleep(600)
    elif behave == "unasked":
        say({"checked": []})
        time.sleep(600)
    elif behave == "half_line":
        attempt.log("whole")
        attempt.spool.write(b'{"line": 2, "at": "20')
        attempt.complete()


main()
