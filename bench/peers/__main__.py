"""The peers' side of the benchmark: each case as one would write it for the peer.

    peers CASE PEER FOLDER [URL]     does the case once, from FOLDER/data to FOLDER/out; URL is that of a PostgreSQL database
    peers start PEER                 does nothing but what the peer has to do before it can begin
    peers outcome CASE FOLDER ENGINE...
                                     prints what these engines' outputs in FOLDER/out hold, as JSON
    peers ndjson FOLDER              writes FOLDER/data/orders.ndjson, the clean orders once more
    peers postgres                   fetches DuckDB's extension for PostgreSQL

Every process does one case once, so that it can be measured from outside as a whole.
"""

import importlib
import json
import sys
from pathlib import Path


def module(peer: str):
    """Imports what this peer needs, and no other."""
    return importlib.import_module(f"with_{peer.partition('-')[0]}")


def main() -> None:
    match sys.argv[1:]:
        case "start", peer:
            module(peer).start()
        case "outcome", case_name, folder, *engines:
            from outcome import outcomes

            print(json.dumps(outcomes(case_name, Path(folder), engines)))
        case "ndjson", folder:
            module("duckdb").write_ndjson(Path(folder) / "data")
        case "postgres", *_:
            module("duckdb").install_postgres()
        case case_name, peer, folder, *more:
            module(peer).CASES[case_name, peer](Path(folder) / "data", Path(folder) / "out", *more)


if __name__ == "__main__":
    main()
