"""Prints every frame that a server sends, a line each: `websocket.py ws://HOST:PORT/ws`. It says nothing itself."""

import json
import sys

from websockets.sync.client import connect

with connect(sys.argv[1]) as socket:
    for message in socket:
        print(json.dumps(json.loads(message)), flush=True)
