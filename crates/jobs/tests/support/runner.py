"""A runner that behaves as the parameter `behave` of its pipeline says. It speaks the protocol of a real one."""

import fcntl
import json
import os
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

    def end(self, outcome):
        report = {"outcome": outcome, "progress": PROGRESS, "rejects": [], "rejectFile": None}
        with open(self.folder + "/outcome.tmp", "w") as file:
            json.dump(report, file)
        os.rename(self.folder + "/outcome.tmp", self.folder + "/outcome.json")

    def complete(self):
        self.end({"completed": {"path": "/nowhere/out.csv", "rows": 4, "bytes": 10}})


def main():
    behave = sys.argv[1] if len(sys.argv) > 1 else ""
    if behave == "foreign":
        say({"hello": {"greeting": "somebody-else", "version": 1}})
        time.sleep(600)
    say({"hello": {"greeting": "etlplus-runner", "version": 1}})
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
