"""The programs that are measured: etlplus, and the peers in the versions that the files of requirements name."""

import json
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from common import CACHE, HERE, build, output, say
from measure import WithoutSync


class Tools:
    """What is needed for some cases alone is made when it is first asked for."""

    def __init__(self, etlplus: Path | None) -> None:
        self.etlplus = etlplus.resolve() if etlplus else build()
        self.without_sync = WithoutSync()

    @cached_property
    def python(self) -> Path:
        """A Python with the peers."""
        return environment("bench-venv", "requirements.txt")

    @cached_property
    def python_of_duckdb_1_5(self) -> Path:
        """A Python with an older DuckDB, which has an extension on PyPI."""
        return environment("bench-venv-duckdb-1.5", "requirements-duckdb-1.5.txt")

    def peers(self, *arguments: object, python: Path | None = None) -> list:
        """The command that has bench/peers do something."""
        return [python or self.python, "-B", HERE / "peers", *arguments]

    def run_peers(self, *arguments: object) -> None:
        subprocess.run(self.peers(*arguments), check=True)

    def outcomes(self, case: str, folder: Path, engines: list[str]) -> dict[str, dict]:
        return json.loads(output(self.peers("outcome", case, folder, *engines)))

    def versions(self) -> str:
        names = "connectorx", "duckdb", "polars"
        code = f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {names}))"
        return f"{output([self.etlplus, '--version']).strip()}, {output([self.python, '-c', code]).strip()}"


def environment(name: str, requirements: str) -> Path:
    """The Python of a virtual environment with what a file of requirements names."""
    folder = CACHE / name
    python = folder / "bin" / "python"
    if not python.exists():
        say(f"making {folder}")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "--requirement", HERE / requirements], check=True)
    return python
